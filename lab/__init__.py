"""The lab: a page in the browser to play with the agents. Each room is a file; none has rules of a
game, which the rooms call as the modes of the program do.
"""
