"""One image: chosen, uploaded, taken or drawn on the left; what the model sees and says of it on the right."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import streamlit as st

from workbench import plots
from workbench.storage import read_json
from workbench.ui import as_code, image_view, messages, pen, subject, words
from workbench.ui.pen_strokes import Usual, usual_of
from workbench.ui.picture import picture
from workbench.ui.subject import Subject

if TYPE_CHECKING:
    from workbench.explain import OcclusionMap
    from workbench.package import Signature
    from workbench.package.image_inputs import ImageForm

WAYS = {"example": "Example", "upload": "Upload", "draw": "Draw", "camera": "Camera"}
TYPES = ["png", "jpg", "jpeg", "gif", "bmp", "webp", "pgm", "ppm"]
SHOWN_PIXELS = 260
MAX_SHOWN = 60
_LARGEST_SHEET = 128  # pixels a side that can be drawn on
_UPLOAD_MIB = 64


def takes_images(asked: Subject) -> bool:
    """Whether the model takes images."""
    return subject.predictor(asked).signature.image is not None


def forms(asked: Subject) -> tuple[Signature, ImageForm, str]:
    """Give the signature of a model of images, to what it brings them, and the name of its column."""
    signature = subject.predictor(asked).signature
    column = signature.image
    assert column is not None and column.image is not None  # noqa: S101 - `takes_images` was asked
    return signature, column.image, column.name


def draw(asked: Subject) -> None:
    """Draw the page of a model of images."""
    one, many = st.tabs(["Image", "Many images"], key="predict.image_view")
    with one:
        one_image(asked)
    with many:
        many_images(asked)


@st.fragment(key="predict.one_image")
def one_image(asked: Subject) -> None:
    """Draw the choice of one image, and the answer; only this part is drawn again."""
    with messages.shown():
        signature, form, name = forms(asked)
        left, right = st.columns([2, 3], gap="large")
        with left:
            pixels = _chosen(asked, form, name)
            # A drawing has the light of the training images by itself.
            is_drawn = st.session_state.get(f"predict.{asked.id}.way") == "draw"
            if (
                pixels is not None
                and not is_drawn
                and st.toggle(
                    "Invert light and dark",
                    key=f"predict.{asked.id}.invert",
                    help="Digits of MNIST are light on dark; a photo of ink on paper looks alike only inverted.",
                )
            ):
                pixels = 255 - pixels
        with right:
            if pixels is None:
                st.caption("Choose an image on the left to see what the model says of it.")
            else:
                _answer(asked, signature, form, name, pixels)


def _chosen(asked: Subject, form: ImageForm, name: str) -> np.ndarray | None:
    drawable = form.mode == "grey" and max(form.height, form.width) <= _LARGEST_SHEET
    ways = [way for way in WAYS if way != "draw" or drawable]
    way = st.segmented_control(
        "Image",
        ways,
        default="example",
        required=True,
        wrap=True,
        key=f"predict.{asked.id}.way",
        format_func=WAYS.__getitem__,
    )
    if way == "upload":
        file = st.file_uploader(
            "Image file", type=TYPES, key=f"predict.{asked.id}.image", max_upload_size=_UPLOAD_MIB,
            help=f"Of any size; it is brought to {form.words}, answered and not kept.",
        )  # fmt: skip
        return None if file is None else _decoded(asked, name, file.getvalue())
    if way == "camera":
        photo = st.camera_input("Photo", key=f"predict.{asked.id}.photo")
        return None if photo is None else _decoded(asked, name, photo.getvalue())
    if way == "draw":
        return _drawn(asked, form, name)
    return _example(asked, name)


def _decoded(asked: Subject, name: str, content: bytes) -> np.ndarray:
    checked = subject.predictor(asked).signature.check([{name: content}])
    pixels: np.ndarray = checked.arrays[name][0]
    return pixels


def _example(asked: Subject, name: str) -> np.ndarray | None:
    background = subject.background(asked)
    if not background.height:
        st.caption("The package carries no example images. Upload one.")
        return None
    place = st.number_input(
        f"Training image, 1 to {background.height}",
        1,
        background.height,
        key=f"predict.{asked.id}.example",
        help="One of those that the model carries; it has learned them, so upload others to test it.",
    )
    for name_of_page in ("predict", "explain"):  # both choose from the same images
        as_code.note(name_of_page, image=int(place) - 1)
    return _decoded(asked, name, background[name][int(place) - 1])


def _drawn(asked: Subject, form: ImageForm, name: str) -> np.ndarray | None:
    """Let an image be drawn; it is brought to where the training images have theirs."""
    shape, key = (form.height, form.width), f"predict.{asked.id}.sheet"
    usual = _usual(str(asked.folder.resolve()), asked, name)
    strokes = pen.sheet(shape, key=key, usual=usual)
    strokes = image_view.fit(strokes, shape, usual, key=f"{key}.fit")
    if not strokes:
        return None  # nobody has asked about an empty sheet
    pixels: np.ndarray = (pen.as_image(strokes, shape, usual) * 255).round().astype(np.uint8)[..., None]
    return pixels


@st.cache_data(max_entries=16, show_spinner=False)
def _usual(folder: str, _asked: Subject, name: str) -> Usual | None:
    background = subject.background(_asked)
    if not background.height:
        return None
    checked = subject.predictor(_asked).signature.check(background.select(name).head(image_view.MEASURED))
    return usual_of(checked.arrays[name][..., 0] / 255.0)


def _answer(asked: Subject, signature: Signature, form: ImageForm, name: str, pixels: np.ndarray) -> None:
    predictor = subject.predictor(asked)
    scores = predictor.scores(signature.rows({name: pixels[None]}))[0]
    seen, said = st.columns([2, 3])
    with seen:
        # As wide as its column: a fixed width would lie over the answer where the page is narrower.
        st.image(enlarged(pixels), caption=f"What the model sees: {form.words}", width="stretch")
    with said:
        if signature.classes is None:
            _big(f"Predicted {signature.target}", words.number(float(scores[0]), 5))
        else:
            best = int(scores.argmax())
            _big(f"Predicted {signature.target}", str(signature.classes[best]), f"probability {scores[best]:.1%}")
    if unlike := _unlike_training(asked, name, pixels):
        st.caption(f":material/info: {unlike}")
    if signature.classes is not None:
        likely = {str(label): float(p) for label, p in zip(signature.classes, scores, strict=True)}
        numbers = pl.DataFrame({"class": list(likely), "probability": list(likely.values())})
        picture(plots.probability_bars(likely, target=signature.target), key="predict.image_classes", numbers=numbers)
    _why(asked, signature, pixels)


def _big(label: str, value: str, beside: str = "") -> None:
    with st.container(border=True, gap="xsmall", key="predict.image_answer"):
        st.caption(messages.plain(label))
        st.markdown(f"# {messages.plain(value)}")
        if beside:
            st.markdown(beside)


def _unlike_training(asked: Subject, name: str, pixels: np.ndarray) -> str:
    """Say where an image is far darker or brighter than those that were learned: most often it wants inverting."""
    baseline = read_json(asked.folder / "baseline.json", default={}) or {}
    quantiles = baseline.get("columns", {}).get(name, {}).get("quantiles", {})
    if not {"0.01", "0.99"} <= set(quantiles):
        return ""
    low, high, mean = float(quantiles["0.01"]), float(quantiles["0.99"]), float(pixels.mean())
    if low <= mean <= high:
        return ""
    word = "brighter" if mean > high else "darker"
    return (
        f"Its mean brightness is {mean:.0f}, {word} than 99 % of the training images ({low:.0f} to {high:.0f}). The "
        "answer may mean little; try inverting it."
    )


def _why(asked: Subject, signature: Signature, pixels: np.ndarray) -> None:
    with st.expander(
        "Which part the answer rests on", icon=":material/center_focus_strong:", key="predict.occlusion",
        on_change="rerun",
    ) as box:  # fmt: skip
        if not box.open:
            return
        label = None
        if signature.classes is not None:
            label = st.selectbox(
                "Probability of",
                [None, *signature.classes],
                format_func=lambda found: "the likeliest class" if found is None else str(found),
                key="predict.occlusion_class",
                placeholder="the likeliest class",  # what nothing chosen means
                width=260,
            )
        found = _covered(asked, pixels, label)
        picture(found.plot(), key="predict.occlusion_map", numbers=found.frame())
        st.caption(messages.plain(_said(found)))


def _said(found: OcclusionMap) -> str:
    what = f"probability of {found.label}" if found.label is not None else f"predicted {found.target}"
    return (
        f"What the {what} loses where a part is covered ({found.method}): vermilion parts speak for it, blue ones "
        "against it."
    )


def _covered(asked: Subject, pixels: np.ndarray, label: Any) -> OcclusionMap:
    from workbench.explain import explain_image

    return explain_image(subject.predictor(asked), pixels, label=label)


@st.fragment(key="explain.images")
def explain(asked: Subject) -> None:
    """Draw the Explain page of a model of images: which part of one image its answer rests on."""
    with messages.shown():
        signature, _, name = forms(asked)
        st.caption(
            "Shapley values share an answer out among columns, and an image is one. What can be seen instead is which "
            "part of an image the answer rests on: each part is covered in turn, and the model asked again."
        )
        left, right = st.columns([2, 3], gap="large")
        with left:
            pixels = _example(asked, name)
            if pixels is not None:
                st.image(enlarged(pixels), width=SHOWN_PIXELS)
        with right:
            if pixels is not None:
                found = _covered(asked, pixels, None)
                picture(found.plot(), key="explain.occlusion_map", numbers=found.frame())
                st.caption(messages.plain(_said(found)))


@st.fragment(key="predict.many_images")
def many_images(asked: Subject) -> None:
    """Draw the upload of several images, and their answers as a gallery and a file."""
    with messages.shown():
        signature, form, name = forms(asked)
        files = st.file_uploader(
            "Image files", type=TYPES, accept_multiple_files=True, key=f"predict.images.{asked.id}",
            max_upload_size=_UPLOAD_MIB,
            help=f"Of any size; they are brought to {form.words}. `workbench predict` takes a folder or a zip.",
        )  # fmt: skip
        if not files:
            return
        checked = signature.check({name: [file.getvalue() for file in files]})
        answers = subject.predictor(asked).predict_frame(checked.frame)
        numbers = pl.concat([pl.DataFrame({"file": [file.name for file in files]}), answers], how="horizontal")
        st.download_button(
            "Predictions",
            numbers.write_csv,
            file_name="predictions.csv",
            mime="text/csv",
            key="predict.images_csv",
            icon=":material/download:",
            on_click="ignore",
        )
        shown = min(MAX_SHOWN, len(files))
        st.caption(f"{shown:,} of {words.plural(len(files), 'image')}, as the model sees them; the file has all.")
        images = [enlarged(pixels, 96) for pixels in checked.arrays[name][:shown]]
        st.image(images, caption=_captions(numbers.head(shown)), width=96)
        st.dataframe(numbers, hide_index=True, alt="Predictions of the images")


def _captions(numbers: pl.DataFrame) -> list[str]:
    return [f"{file}: {answer}" for file, answer in numbers.select("file", "prediction").iter_rows()]


def enlarged(pixels: np.ndarray, side: int = SHOWN_PIXELS) -> bytes:
    """Give an image of (height, width, n_channels) as PNG, each pixel a square, so that none is smoothed away."""
    from PIL import Image

    shown = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    times = max(1, side // max(shown.size))
    buffer = BytesIO()
    shown.resize((shown.width * times, shown.height * times), Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()
