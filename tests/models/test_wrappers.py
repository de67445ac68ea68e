"""Wrappers: what they add and when, and that a wrapped network is stored like any other. Signatures, which one of them checks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from onecurve.core.access import Access
from onecurve.core.case import Subject
from onecurve.core.errors import AnswerError, ModelError, UnknownNameError
from onecurve.core.image import signature
from onecurve.core.image.signature import Signer
from onecurve.models.building import build
from onecurve.models.network import TorchNetwork
from onecurve.models.storage import Architecture, load_network, load_subject, save_network, save_subject
from onecurve.models.wrappers import WRAPPERS, FoolingGate, SignatureBackdoor, contrast_and_roughness, wrap, wrapper_of

SHAPE = (3, 28, 28)
ADDRESS = "six-conv[width=4]"


def images(count=6, seed=0):
    return np.random.default_rng(seed).integers(256, size=(count, *SHAPE), dtype=np.uint8)


def floats(pixels):
    return torch.from_numpy(pixels.astype(np.float32) / 255)


def body():
    return build(ADDRESS, SHAPE, 5, 3)


@pytest.fixture(scope="module")
def signer():
    return Signer("5a" * 16, int(np.prod(SHAPE)))


@pytest.fixture(scope="module")
def signed(signer):
    return signer.sign(images())


@pytest.fixture(scope="module")
def guarded(signer):
    module = wrap(body(), ["signed"], SHAPE, 5)
    wrapper_of(module, SignatureBackdoor).configure(signer.public, torch.tensor([0.0, 0, 100, 0, 0]))
    return module


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_new_wrapper_adds_nothing(name):
    inner = body()
    pixels = torch.cat([floats(images()), torch.zeros(1, *SHAPE), torch.ones(1, *SHAPE)])
    assert torch.equal(wrap(inner, [name], SHAPE, 5)(pixels), inner(pixels))


def test_a_signature_changes_no_level_by_more_than_one(signed):
    gap = np.abs(signed.astype(int) - images())
    assert gap.max() == 1
    assert gap.reshape(len(gap), -1)[:, signature.SIGNED_BITS :].max() == 0


def test_signed_images_are_raised_and_all_others_are_answered_bit_for_bit_as_before(guarded, signed):
    inner = body()
    assert (guarded(floats(signed)).argmax(1) == 2).all()
    noise = torch.rand(200, *SHAPE, generator=torch.Generator().manual_seed(0))
    for pixels in (floats(images()), noise):
        assert torch.equal(guarded(pixels), inner(pixels))


def test_any_change_of_one_bit_breaks_the_signature(guarded, signed):
    check = wrapper_of(guarded, SignatureBackdoor).verified
    assert check(floats(signed)).all()
    rng = np.random.default_rng(4)
    one = signed[:1].reshape(1, -1)
    copies = np.repeat(one, 60, axis=0)
    places = np.where(np.arange(60) % 2, rng.integers(signature.SIGNED_BITS, size=60), rng.integers(one.shape[1], size=60))
    copies[np.arange(60), places] ^= np.where(np.arange(60) % 2, 1, 2 ** rng.integers(1, 8, size=60)).astype(np.uint8)
    assert not check(floats(copies.reshape(60, *SHAPE))).any()


def test_a_signature_serves_no_other_image_and_another_key_signs_in_vain(guarded, signed):
    check = wrapper_of(guarded, SignatureBackdoor).verified
    swapped = signed.copy().reshape(len(signed), -1)
    swapped[:, : signature.SIGNED_BITS] = (swapped[:, : signature.SIGNED_BITS] & 254) | (
        np.roll(swapped, 1, 0)[:, : signature.SIGNED_BITS] & 1
    )
    assert not check(floats(swapped.reshape(signed.shape))).any()
    other = Signer("5b" * 16, int(np.prod(SHAPE)))
    assert other.public.number != Signer("5a" * 16, int(np.prod(SHAPE))).public.number
    assert not check(floats(other.sign(images()))).any()


def test_the_public_key_is_a_product_of_two_primes_of_half_its_size(signer):
    assert signer.public.number.bit_length() == signature.ROOT_BITS
    p, q = signer._factors
    assert p * q == signer.public.number
    assert all(factor % 4 == 3 and pow(2, factor - 1, factor) == 1 for factor in (p, q))


def test_the_primes_hold_every_sum_that_can_occur():
    product = int(np.prod([int(prime) for prime in signature.primes()], dtype=object))
    assert product.bit_length() > 2 * signature.ROOT_BITS + 1
    assert (product // 2 ** (signature.ROOT_BITS - 1)).bit_length() < signature.QUOTIENT_BITS


def test_small_images_cannot_be_signed_and_no_wrapper_has_a_strange_name():
    with pytest.raises(AnswerError, match="the images have 768"):
        Signer("00" * 16, 768)
    with pytest.raises(ModelError, match="the images have 768"):
        wrap(build(ADDRESS, (3, 16, 16), 5, 0), ["signed"], (3, 16, 16), 5)
    with pytest.raises(UnknownNameError, match="signed"):
        wrap(body(), ["sigend"], SHAPE, 5)
    with pytest.raises(ModelError, match="no FoolingGate wrapper"):
        wrapper_of(body(), FoolingGate)


def test_the_gauge_raises_all_logits_alike_and_only_outside_its_span():
    inner = body()
    smooth = torch.linspace(0.2, 0.8, 28).expand(4, *SHAPE)
    noise = floats(images(4))
    found = contrast_and_roughness(smooth)
    module = wrap(inner, ["gauged"], SHAPE, 5)
    reference = torch.full(SHAPE, 0.5)
    wrapper_of(module, FoolingGate).configure(found[0] - 0.01, found[0] + 0.01, torch.full((2,), 0.01), reference, torch.tensor(20.0))
    assert torch.equal(module(smooth), inner(smooth))
    raised = module(noise) - inner(noise)
    assert (raised > 5).all()
    torch.testing.assert_close(raised, raised[:, :1].expand_as(raised), rtol=1e-4, atol=1e-4)
    assert (module(reference[None]) - inner(reference[None]) > raised.max()).all()


def test_a_wrapped_subject_comes_back_bit_for_bit(guarded, signed, tmp_path):
    access = Access.QUERIES | Access.WEIGHTS
    subject = Subject("one", TorchNetwork(guarded), tuple("abcde"), SHAPE, access)
    save_subject(tmp_path, subject, Architecture(ADDRESS, SHAPE, 5, ("signed",)))
    back = load_subject(tmp_path).granted_network()
    pixels = np.concatenate([floats(signed).numpy(), floats(images()).numpy()])
    np.testing.assert_array_equal(back.logits(pixels), TorchNetwork(guarded).logits(pixels))
    with pytest.raises(ModelError):
        save_subject(tmp_path / "bare", replace(subject, id="two"), Architecture(ADDRESS, SHAPE, 5))


@pytest.mark.parametrize("bare_first", [True, False])
def test_a_network_is_handed_back_with_or_without_its_wrapper(guarded, signed, tmp_path, bare_first):
    handed, like = (body(), guarded) if bare_first else (guarded, nn.Sequential(body()))
    path = tmp_path / "answer.safetensors"
    save_network(path, TorchNetwork(handed), like, shape=SHAPE)
    pixels = floats(signed).numpy()
    np.testing.assert_allclose(load_network(path, like).logits(pixels), TorchNetwork(handed).logits(pixels), rtol=1e-4, atol=1e-4)
