"""The page: its rooms, its look, and the links that bring a visitor to a set-up."""

import gradio as gr

from lab import attack, draw, figures, judge, secret, visit, watch

ROOMS = (attack.ROOM, draw.ROOM, judge.ROOM, watch.ROOM, secret.ROOM, figures.ROOM)
TITLE = "Adversarial games: the lab"
SYSTEM = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
THEME = gr.themes.Default(font=SYSTEM, font_mono=MONO)
# Until a link has been followed, what the page sets by itself does not change the address.
FOLLOWED = "() => { window.labFollowed = true; }"
REMEMBER = """(value) => { if (!window.labFollowed) return;
  const link = new URL(window.location); link.searchParams.set('%s', value);
  window.history.replaceState(null, '', link); }"""
ENTER = """() => { if (!window.labFollowed) return;
  const link = new URL(window.location);
  if (link.searchParams.get('room') === '%s') return;
  for (const name of [...link.searchParams.keys()])
    if (!name.startsWith('__')) link.searchParams.delete(name);
  link.searchParams.set('room', '%s'); window.history.replaceState(null, '', link); }"""


def build(rooms=ROOMS):
    """The whole page.

    Args:
        rooms: sequence of visit.Room.
    Returns:
        gr.Blocks.
    """
    controls = {}
    with gr.Blocks(title=TITLE, analytics_enabled=False) as page:
        gr.Markdown(f"# {TITLE}\nThe address of this page carries the room and what you set in it.")
        with gr.Tabs() as tabs:
            for room in rooms:
                with gr.Tab(room.title, id=room.key) as tab:
                    controls[room.key] = room.build()
                tab.select(None, js=ENTER % (room.key, room.key))
        for named in controls.values():
            for name, component in named.items():
                component.change(None, component, js=REMEMBER % name)
        every = [component for named in controls.values() for component in named.values()]

        def load(request: gr.Request):
            return arrive(dict(request.query_params), controls)

        page.load(load, None, [tabs, *every], show_progress="hidden").then(None, js=FOLLOWED)
    return page


def arrive(asked, controls):
    """The tab and the values that a link asks for; what it may not ask for is left as it is.

    Args:
        asked: dict of str, the link's parameters.
        controls: dict, room -> (dict, name -> component).
    Returns:
        list of updates: of the tabs, then of every control.
    """
    asked = dict(asked)
    room = asked.pop("room", next(iter(controls)))
    if room not in controls:
        gr.Warning(f"room={room[:40]}: must be one of {', '.join(controls)}")
        room = next(iter(controls))
    updates = [gr.Tabs(selected=room)]
    for key, named in controls.items():
        for name, component in named.items():
            here = key == room and name in asked
            updates.append(told(name, component, asked[name]) if here else gr.skip())
    return updates


def told(name, component, text):
    """The update of a control that a link sets, or none and a message."""
    try:
        return gr.update(value=visit.fitting(component, text))
    except ValueError as error:
        gr.Warning(f"{name}={text[:40]}: {error}")
        return gr.skip()
