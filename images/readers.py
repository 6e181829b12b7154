"""Files -> raw arrays: .npz, IDX, CIFAR-10's pickles, folders of pictures. Trusts none of them."""

import contextlib
import functools
import gzip
import pickle
import zipfile

import numpy as np

PICTURES = {".png", ".jpg", ".jpeg"}
IDX_STEMS = ("train-images", "train-labels", "t10k-images", "t10k-labels")
IDX_MAGICS = {"images": b"\x00\x00\x08\x03", "labels": b"\x00\x00\x08\x01"}  # uint8, 3 or 1 axes
NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")
CIFAR_FOLDER = "cifar-10-batches-py"
CIFAR_BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
CONTENTS = {
    "mnist": "mnist.npz or the four IDX files (train-images-idx3-ubyte.gz, ...)",
    "fashion_mnist": "the four IDX files (train-images-idx3-ubyte.gz, ...) or fashion_mnist.npz",
    "cifar10": f"the folder {CIFAR_FOLDER} (unpack cifar-10-python.tar.gz)",
}
GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B")
PICKLE_NEEDS = {("numpy", "ndarray"), ("numpy", "dtype")} | {
    (f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")
}


class DataError(Exception):
    """One line that names the file and the fix."""


@contextlib.contextmanager
def explaining(path):
    """Turns whatever bad bytes make a reader raise into one line about their file."""
    try:
        yield
    except DataError:
        raise
    except PermissionError:
        raise DataError(f"{path}: permission denied; make it readable") from None
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) else None
        reason = " ".join(str(reason or error).split()) or type(error).__name__
        raise DataError(f"{path} cannot be read ({reason}); replace it or delete it") from error


def find(name, folder):
    """Looks for the files of a data set in a folder, without reading them.

    Args:
        name: str, a key of `CONTENTS`.
        folder: pathlib.Path.
    Returns:
        A callable without arguments that reads them: the training images, training labels, test
        images and test labels, each as (what to call its file, array as stored).
    Raises:
        DataError: if the files are not there, or not all of them.
    """
    with explaining(folder):
        if name == "cifar10":
            for candidate in (folder / CIFAR_FOLDER, folder):
                if (candidate / CIFAR_BATCHES[0]).is_file():
                    return functools.partial(read_cifar, candidate)
        elif (folder / f"{name}.npz").is_file():
            return functools.partial(read_npz, folder / f"{name}.npz")
        else:
            paths = {stem: _find_idx(folder, stem) for stem in IDX_STEMS}
            missing = [stem for stem, path in paths.items() if path is None]
            if not missing:
                return functools.partial(read_idx_files, paths)
            if len(missing) < len(paths):
                raise DataError(f"{folder} has other IDX files but no {missing[0]}; add it")
    raise DataError(
        f"{folder} holds no {name}; it needs {CONTENTS[name]}"
        " (pictures of your own are --dataset folder)"
    )


def _find_idx(folder, stem):
    axes = 3 if stem.endswith("images") else 1
    names = [f"{stem}{dot}idx{axes}-ubyte{gz}" for dot in "-." for gz in ("", ".gz")]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def read_npz(path):
    """Reads an archive laid out like `keras.datasets`' mnist.npz; never unpickles."""
    with explaining(path), path.open("rb") as file:
        if not zipfile.is_zipfile(file):  # its directory is at the end: truncation shows here
            raise DataError(f"{path} is no .npz archive, or not all of one; replace or delete it")
        file.seek(0)
        with np.load(file, allow_pickle=False) as archive:
            missing = [key for key in NPZ_KEYS if key not in archive]
            if missing:
                raise DataError(f"{path} has no array {missing[0]}; it needs {', '.join(NPZ_KEYS)}")
            return [(f"{key} of {path}", archive[key]) for key in NPZ_KEYS]


def read_idx_files(paths):
    """Reads the four IDX files of MNIST or Fashion-MNIST, each with or without gzip."""
    return [(path, read_idx(path, IDX_MAGICS[stem[-6:]])) for stem, path in paths.items()]


def read_idx(path, magic):
    """Reads one IDX file: 4 bytes of magic, big-endian sizes, uint8 values."""
    with explaining(path):
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        if content[:4] != magic:
            raise DataError(f"{path} does not start like an IDX file; replace it or delete it")
        start = 4 + 4 * magic[3]
        shape = np.frombuffer(content[4:start], ">u4")
        return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


class _ArrayUnpickler(pickle.Unpickler):
    """Builds numpy arrays and nothing else, so that a file cannot run code."""

    def find_class(self, module, name):
        if (module, name) not in PICKLE_NEEDS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is refused")
        return super().find_class(module, name)


def read_cifar(folder):
    """Reads the six batches of the unpacked cifar-10-python.tar.gz."""
    images, labels = [], []
    for name in CIFAR_BATCHES:
        with explaining(folder / name), (folder / name).open("rb") as file:
            batch = _ArrayUnpickler(file, encoding="bytes").load()
            images.append(batch[b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
            labels.append(np.asarray(batch[b"labels"]))
    training, test = folder / "data_batch_*", folder / "test_batch"
    with explaining(training):
        parts = np.concatenate(images[:-1]), np.concatenate(labels[:-1]), images[-1], labels[-1]
    return list(zip((training, training, test, test), parts, strict=True))


def checked(images, labels, *, shape, num_classes):
    """Makes what a file holds uint8 (n, h, w, c) and int32 (n,), or says why it cannot.

    Args:
        images: (file, array (n, h, w) or (n, h, w, c)); integers in [0, 255], floats in [0, 1].
        labels: (file, integer array (n,) or (n, 1)).
        shape: (h, w, c) that the data set has.
        num_classes: int.
    Raises:
        DataError: if anything else comes.
    """
    (image_file, images), (label_file, labels) = images, labels
    fix = "replace it or delete it"
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.shape[1:] != shape or len(images) == 0:
        wanted = ", ".join(map(str, ("n > 0", *shape)))
        raise DataError(f"{image_file}: images {images.shape} instead of ({wanted}); {fix}")
    if images.dtype.kind not in "iuf":
        raise DataError(f"{image_file}: pixels are {images.dtype} instead of uint8; {fix}")
    highest = 1 if images.dtype.kind == "f" else 255
    lowest_found, highest_found = images.min(), images.max()
    if not (lowest_found >= 0 and highest_found <= highest):  # NaN fails this, too
        found = f"{images.dtype} pixels from {lowest_found} to {highest_found}"
        raise DataError(f"{image_file}: {found} instead of 0 to {highest}; store them as uint8")
    if labels.shape not in ((len(images),), (len(images), 1)):
        raise DataError(f"{label_file}: labels {labels.shape} for {len(images)} images; {fix}")
    if labels.dtype.kind not in "iu":
        raise DataError(f"{label_file}: labels are {labels.dtype} instead of integers; {fix}")
    if labels.min() < 0 or labels.max() >= num_classes:
        found = f"{labels.min()} to {labels.max()}"
        raise DataError(f"{label_file}: labels {found} instead of 0 to {num_classes - 1}; {fix}")
    if labels.min() == labels.max():
        raise DataError(f"{label_file}: one class alone, {labels.flat[0]}, leaves no game; {fix}")
    if highest == 1:
        images = np.rint(images * 255)
    return images.astype(np.uint8), labels.reshape(-1).astype(np.int32)


def read_folder(folder, image_size):
    """Reads folder/{train,test}/CLASS/*.png, .jpg or .jpeg, or folder/CLASS/*.

    Args:
        folder: pathlib.Path.
        image_size: int, side of the square that each picture becomes.
    Returns:
        (class_names, parts): sorted str, and (images, labels) of train/ and test/, or of the
        whole; uint8 (n, image_size, image_size, c) with 1 channel if every picture is grey, else
        3, and int32 (n,).
    Raises:
        DataError: if the classes or their pictures do not make a data set.
    """
    with explaining(folder):
        nested = [(folder / name).is_dir() for name in ("train", "test")]
    if any(nested) and not all(nested):
        raise DataError(f"{folder} has only one of train/ and test/; add the other one")
    if any(nested):
        parts = [_class_folders(folder / "train", 2), _class_folders(folder / "test", 1)]
        for class_name in sorted(parts[0].keys() ^ parts[1].keys()):
            lacking = folder / ("test" if class_name in parts[0] else "train")
            raise DataError(
                f"{lacking} has no {class_name}; train/ and test/ need the same classes"
            )
    else:
        parts = [_class_folders(folder, 3)]
    images = read_pictures(
        [path for part in parts for p in part.values() for path in p], image_size
    )
    labels = [
        np.repeat(np.arange(len(part), dtype=np.int32), [len(p) for p in part.values()])
        for part in parts
    ]
    images = np.split(images, np.cumsum([len(part) for part in labels])[:-1])
    return tuple(parts[0]), list(zip(images, labels, strict=True))


def _class_folders(folder, fewest):
    """Maps each class to its pictures, sorted; complains of fewer than `fewest`, or one class."""
    with explaining(folder):
        folders = sorted(p for p in folder.iterdir() if p.is_dir() and p.name[0] != ".")
    if len(folders) < 2:
        found = folders[0].name if folders else "none"
        raise DataError(
            f"{folder} needs a folder of pictures for each of two or more classes; found {found}"
        )
    classes = {}
    for path in folders:
        with explaining(path):
            files = sorted(p for p in path.iterdir() if p.name[0] != ".")
        classes[path.name] = [p for p in files if p.suffix.lower() in PICTURES]
        if len(classes[path.name]) < fewest:
            found = f"{len(classes[path.name])} .png or .jpg pictures"
            raise DataError(f"{path} holds {found}; each class needs at least {fewest}")
    return classes


def read_pictures(paths, image_size):
    """Reads pictures as uint8 (n, size, size, c): 1 channel if all of them are grey, else RGB."""
    images = [read_picture(path, image_size) for path in paths]
    if any(image.ndim == 3 for image in images):
        return np.stack([i if i.ndim == 3 else np.stack([i] * 3, axis=-1) for i in images])
    return np.stack(images)[..., np.newaxis]


def read_picture(path, image_size):
    """Reads one picture as uint8 (image_size, image_size), or (..., 3) unless stored as grey."""
    from PIL import Image, ImageOps

    with explaining(path), path.open("rb") as file:
        try:
            picture: Image.Image = Image.open(file)
        except Image.UnidentifiedImageError:
            raise DataError(f"{path} is not a picture; replace it or delete it") from None
        picture = ImageOps.exif_transpose(picture)
        grey = picture.mode in GREY_MODES
        if picture.mode[0] == "I":  # 16 bits a pixel, which Pillow would clip instead of scale
            picture = Image.fromarray(np.clip(np.asarray(picture) // 257, 0, 255).astype(np.uint8))
        elif "A" in picture.mode or "transparency" in picture.info:
            paper = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(paper, picture.convert("RGBA"))
        return resize(picture.convert("L" if grey else "RGB"), image_size)


def resize_images(images, image_size):
    """Scales uint8 (n, h, w, c) to (n, image_size, image_size, c), as `resize` does."""
    from PIL import Image

    squeezed = images[..., 0] if images.shape[3] == 1 else images
    resized = np.stack([resize(Image.fromarray(image), image_size) for image in squeezed])
    return resized.reshape(*resized.shape[:3], -1)


def resize(picture, image_size):
    """Crops a PIL image to its middle square and scales it, antialiased; returns uint8.

    Source: Parmar et al. 2022, arXiv:2104.11222, on which resizing to trust.
    """
    from PIL import Image, ImageOps

    size = (image_size, image_size)
    return np.asarray(ImageOps.fit(picture, size, method=Image.Resampling.BICUBIC))
