"""Estimators as they take images: some have a form for tables of the same name, and the data decides."""

from __future__ import annotations

from workbench.estimators.catalogue import entry
from workbench.estimators.catalogue_images import IMAGE_FORMS
from workbench.estimators.entry import EstimatorEntry, Takes
from workbench.settings import Settings


def image_entry(name: str, settings: Settings | None = None) -> EstimatorEntry | None:
    """Give an estimator as it takes images; None where it takes none.

    Raises
    ------
    EstimatorError
        If there is none of that name.

    Examples
    --------
    >>> image_entry("dense_network").takes, image_entry("random_forest")
    ('image', None)
    """
    if name in IMAGE_FORMS:
        return IMAGE_FORMS[name]
    found = entry(name, settings)
    return found if found.takes == "image" else None


def entry_taking(takes: Takes, name: str) -> EstimatorEntry:
    """Give an estimator in its form for images where it learns from images and has one; else as the catalogue does.

    Raises
    ------
    EstimatorError
        If there is none of that name.

    Examples
    --------
    >>> entry_taking("image", "dense_network").takes, entry_taking("table", "dense_network").takes
    ('image', 'table')
    """
    return (image_entry(name) if takes == "image" else None) or entry(name)
