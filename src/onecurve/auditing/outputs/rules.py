"""The kinds of findings as rules: stable ids with what they claim, how the claim was tested and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from onecurve.auditing.finding import Kind


@final
@dataclass(frozen=True)
class Rule:
    """What a person should know of one kind of finding."""

    title: str
    """In a few words."""
    claims: str
    tested: str
    """How it was tested on images that were not used to find it."""
    act: str
    """What to do next."""

    @property
    def help(self) -> str:
        return f"{self.claims} {self.tested} {self.act}"


RULES: Final[Mapping[Kind, Rule]] = {
    Kind.TROJAN_TRIGGER: Rule(
        "Trigger that stands apart",
        "A small change of the image sends images of other classes to one class, and any change towards another class must be far larger.",
        "The change was put on fresh images; the comparison is the same change, scrambled.",
        "Find out where weights and training images come from. Do not deploy the network before it is repaired or trained again.",
    ),
    Kind.NATURAL_TRIGGER: Rule(
        "Natural trigger",
        "A small change sends images of other classes to one class, but changes towards other classes are about as small, or the "
        "difference may be chance.",
        "The change was put on fresh images; the comparison is the same change, scrambled.",
        "Networks without a trojan have such changes too. Take it as the ease with which somebody could fool this network.",
    ),
    Kind.SHORTCUT: Rule(
        "Shortcut",
        "The network answers a class because of a property of the image that does not make the class.",
        "The property was edited on fresh images; the comparison is a control edit of the same size.",
        "Add training images in which class and property do not go together, or train on edited images.",
    ),
    Kind.MISTAKEN_GROUP: Rule(
        "Group of mistakes",
        "A group of alike images is misread more often than other images of the same classes.",
        "Fresh images were assigned to the group; the comparison is the same classes elsewhere.",
        "Look at the pictures of the group, and add training images like them.",
    ),
    Kind.WEAK_CLASS: Rule(
        "Weak class",
        "One class is recognised less often than the others.",
        "Both shares were counted on fresh images.",
        "Look at the mistakes of the class; add images of it, or check its labels.",
    ),
    Kind.CONFUSION: Rule(
        "Confusion of two classes",
        "Images of one class are called one other class more often than errors fall elsewhere.",
        "The share was counted on fresh images.",
        "Check whether the classes overlap or whether labels are mixed up.",
    ),
    Kind.LABEL_NOISE: Rule(
        "Labels that are likely to be wrong",
        "The labels of some images do not fit what the network makes of them.",
        "No test on fresh images replaces a look at the images themselves.",
        "Look through the images that are named and correct their labels.",
    ),
    Kind.DUPLICATES: Rule(
        "Duplicates",
        "The same picture is there more than once, or under several labels.",
        "Pictures were compared by a perceptual hash; it needs no test.",
        "Keep one of each, and decide on its label.",
    ),
    Kind.LEAK: Rule(
        "Leak between parts of the data",
        "The same picture is in two parts of the data that should share none, so that figures of the second part are too good.",
        "Pictures were compared by a perceptual hash; it needs no test.",
        "Take the pictures out of one part, and measure again.",
    ),
    Kind.NO_IMAGES: Rule(
        "Class without images",
        "The network has an output for which there is no image, so that nothing about it was looked at.",
        "It is a count and needs no test.",
        "Add images of the class, or name the mapping of classes with --classes.",
    ),
}
