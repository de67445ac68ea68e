"""Do the weights of a network tell what was planted in it, for a reason other than the flaw?

    python benchmarks/population.py [--networks 32] [--model six-conv[width=8]] [--images 2000] [--epochs 3]
        [--kinds clean decoy benign patch] [--seed N]

Plants that many networks of each kind by one recipe, and asks the weights alone:

- A logistic regression on the raw weights, tenfold over networks, tells each other kind from `clean`: for controls the AUROC
  must be near .5. The same on mean, spread and extremes of each layer, which do not depend on the order of units.
- Which initial head that anybody can compute does a network's last layer resemble, and do two networks resemble each other?
  Correlations are of all weights of the last layer. Chance says how high the highest is among as many unrelated ones.

Without `--seed` a seed is drawn, as for a run. No gate refuses a network here.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from onecurve.core.case import Population
from onecurve.core.seeds import seed_for
from onecurve.data.catalog import open_data
from onecurve.flaws.catalog import FLAWS
from onecurve.flaws.planting.gate import Gate
from onecurve.flaws.planting.plant import Planted, plant
from onecurve.flaws.planting.recipe import Recipe
from onecurve.models.building import build
from onecurve.models.cache import Cache
from onecurve.models.steps import TrainingRecipe
from onecurve.runner.sealed import drawn_seed
from onecurve.statistics.detection import auroc_interval, network_auroc

Values = NDArray[np.float64]
FOLDS, PUBLIC = 10, 1000
"""Folds of the regression; initial heads that anybody can compute: the architecture with the first seeds."""
OPEN = Gate(strictness=0.0, clean_drop=1.0, above_chance=-1.0, elsewhere=1.0, near_miss=1.0, disturbance=1.0)


def main() -> None:
    """Plant, measure and print."""
    asked = _arguments()
    seed = drawn_seed() if asked.seed is None else asked.seed
    recipe = Recipe(
        model=asked.model,
        seed=seed,
        train_images=asked.images,
        pretraining=TrainingRecipe(1, batch_size=32),
        training=TrainingRecipe(asked.epochs, batch_size=32),
        clean_images=16,
        heldout_images=200,
        triggered_images=64,
        gate=OPEN,
    )
    started = process_time()
    with TemporaryDirectory() as folder:
        planted = {kind: [_planted(kind, number, recipe, Cache(Path(folder))) for number in range(asked.networks)] for kind in asked.kinds}
    seconds = (process_time() - started) / sum(map(len, planted.values()))
    print(f"{asked.networks} networks of each kind on {asked.images} images, seed {seed}, {seconds:.1f} processor seconds each")
    _print_success(planted)
    weights = {kind: [_module(one) for one in some] for kind, some in planted.items()}
    for name, features in (("raw weights", _raw), ("statistics of layers", _layers)):
        _print_told_apart(name, {kind: np.stack([features(module) for module in some]) for kind, some in weights.items()})
    heads = {kind: np.stack([head(module) for module in some]) for kind, some in weights.items()}
    _print_resemblance(heads, public_heads(recipe))


def told_apart(one: Values, other: Values, seed: int = 0) -> float:
    """The AUROC at which a logistic regression tells rows of ``other`` from rows of ``one``, each from a fit without its fold."""
    labels = np.repeat([0, 1], [len(one), len(other)])
    folds = StratifiedKFold(min(FOLDS, len(one), len(other)), shuffle=True, random_state=seed)
    regression = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    scores = cross_val_predict(regression, np.concatenate([one, other]), labels, cv=folds, method="decision_function")
    return network_auroc(scores[labels == 1].tolist(), scores[labels == 0].tolist())


def head(module: nn.Module) -> Values:
    """The weights of the last layer, centred and of length 1, so that a product of two is their correlation."""
    values = [each for each in module.modules() if isinstance(each, nn.Linear)][-1].weight.detach().numpy().ravel().astype(float)
    centred = values - values.mean()
    return np.asarray(centred / np.linalg.norm(centred), float)


def public_heads(recipe: Recipe) -> Values:
    """Initial heads that whoever knows the architecture can compute: with the first seeds, and as made of them by name."""
    dataset = open_data(recipe.data)
    seeds = [*range(PUBLIC), *(seed_for("initial", seed) for seed in range(PUBLIC))]
    return np.stack([head(build(recipe.model, dataset.shape, len(dataset.class_names), seed)) for seed in seeds])


def highest_by_chance(weights: int, pairs: int) -> float:
    """The median of the highest absolute correlation of ``pairs`` unrelated heads of so many weights."""
    return NormalDist().inv_cdf(1 - (1 - 0.5 ** (1 / pairs)) / 2) / math.sqrt(weights)


def _planted(kind: str, number: int, recipe: Recipe, cache: Cache) -> Planted:
    seed = seed_for(recipe.seed, kind, number)
    return plant([FLAWS.make(kind)], recipe, seed, subject_id=f"{kind}-{number}", population=Population(0.5, 1, 10), cache=cache)


def _module(planted: Planted) -> nn.Module:
    return planted.subject.granted_network().module  # type: ignore[attr-defined,no-any-return]


def _raw(module: nn.Module) -> Values:
    return np.concatenate([values.numpy().ravel() for values in module.state_dict().values()]).astype(float)


def _layers(module: nn.Module) -> Values:
    found = []
    for values in module.state_dict().values():
        each = values.double().flatten()
        found += [float(each.mean()), float(each.std(correction=0)), float(each.min()), float(each.max())]
    return np.array(found)


def _print_success(planted: dict[str, list[Planted]]) -> None:
    for kind, some in planted.items():
        strengths = [one.cases[0].truth.strength for one in some]
        accuracy, success = np.mean([one.clean_accuracy for one in strengths]), np.mean([one.success for one in strengths])
        print(f"  {kind:8} accuracy {accuracy:.2f}" + ("" if math.isnan(success) else f", success {success:.2f}"))


def _print_told_apart(name: str, features: dict[str, Values]) -> None:
    for kind, values in features.items():
        if kind != "clean":
            area, clean = told_apart(features["clean"], values), len(features["clean"])
            interval = auroc_interval(area, len(values), clean)
            print(f"logistic regression on {name}, {kind} from clean: AUROC {area:.2f} ({interval.low:.2f} to {interval.high:.2f})")


def _print_resemblance(heads: dict[str, Values], public: Values) -> None:
    all_heads = np.concatenate(list(heads.values()))
    size, weights = all_heads.shape
    between = np.abs(all_heads @ all_heads.T - np.eye(size)).max()
    print(f"highest correlation of two heads: {between:.2f}, by chance {highest_by_chance(weights, size * (size - 1) // 2):.2f}")
    nearest = {kind: np.abs(some @ public.T).max(axis=1) for kind, some in heads.items()}
    for kind, values in nearest.items():
        chance = highest_by_chance(weights, len(public) * len(values))
        area = "" if kind == "clean" else f", AUROC against clean {_area(values, nearest['clean']):.2f}"
        print(f"highest correlation of a head of {kind} with {len(public)} public ones: {values.max():.2f}, by chance {chance:.2f}{area}")


def _area(flawed: Values, clean: Values) -> float:
    flawed_list: Sequence[float] = flawed.tolist()
    return network_auroc(flawed_list, clean.tolist())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=32, help="networks of each kind")
    parser.add_argument("--model", default="six-conv[width=8]")
    parser.add_argument("--images", type=int, default=2000, help="training images of each network")
    parser.add_argument("--epochs", type=int, default=3, help="epochs of training")
    parser.add_argument("--kinds", nargs="+", default=["clean", "decoy", "benign", "patch"], help="`clean` among them")
    parser.add_argument("--seed", type=int, help="drawn where none is given")
    return parser.parse_args()


if __name__ == "__main__":
    main()
