"""Do the tests notice when an important line is broken? Each mutant breaks one line in a copy of the tree and runs its tests.

    python benchmarks/mutants.py [--only 4,6,11] [--out TABLE.md]

Prints a Markdown table: the mutant, whether a test failed (killed) or none did (survived), and the first test that failed.
The lines were chosen by hand because a wrong one would change a grade without an error. It takes some minutes on one core.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "src/onecurve"
COPIED = ("src", "tests", "benchmarks", "pyproject.toml", "README.md")
SECONDS = 900
"""The most that the tests of one mutant may take; a mutant that hangs them is killed."""


class MutantError(Exception):
    """A mutant that does not fit the source any more."""


@dataclass(frozen=True)
class Mutant:
    """One broken line."""

    rule: str
    """What is broken, in words."""
    file: str
    """Below `src/onecurve`."""
    old: str
    """The text that is replaced; it occurs exactly once in the file."""
    new: str
    tests: tuple[str, ...]
    """Arguments of pytest."""

    def applied(self, source: str) -> str:
        """The source with the line broken; raises ``MutantError`` unless the old text occurs exactly once."""
        found = source.count(self.old)
        if found != 1:
            raise MutantError(f"{self.file} holds this text {found} times instead of once, so there is nothing to break: {self.old!r}")
        return source.replace(self.old, self.new)


@dataclass(frozen=True)
class Verdict:
    """What the tests said of a mutant."""

    words: str
    killer: str = ""


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "`localise` asks about half of the suspects",
        "tasks/localise.py",
        "some_suspects(case, self.suspects, seed, spare=False)",
        "some_suspects(case, self.suspects, seed, spare=True)",
        ("tests/tasks/test_localise.py",),
    ),
    Mutant(
        "a decoy may lie on the trigger",
        "tasks/machinery/suspects.py",
        "np.setdiff1d(np.arange(len(base)), touching)",
        "np.arange(len(base))",
        ("tests/tasks/test_localise.py",),
    ),
    Mutant(
        "suspects that the brief shows are graded on",
        "tasks/machinery/suspects.py",
        "kept[shown[shown >= 0]] = False",
        "kept[shown[shown >= 0]] = True",
        ("tests/tasks/test_suspects.py",),
    ),
    Mutant(
        "`repair` counts clean images only",
        "tasks/repair.py",
        'raw = (figures["agreement_clean"] + figures["agreement_triggered"]) / 2',
        'raw = figures["agreement_clean"]',
        ("tests/tasks/test_repair.py",),
    ),
    Mutant(
        "more pictures make the matcher more confident without end",
        "readers/machinery/likeness.py",
        "np.sqrt(min(len(frames), ENOUGH))",
        "np.sqrt(len(frames))",
        ("tests/readers/test_matcher.py",),
    ),
    Mutant(
        "the matcher weighs all aspects of likeness the same",
        "readers/machinery/likeness.py",
        "weights: Doubles = np.maximum(margins.mean(axis=0), 0) / (margins.var(axis=0) + 1)",
        "weights: Doubles = np.ones(trials.shape[2])",
        ("tests/readers/test_reading_maps.py",),
    ),
    Mutant(
        "the matcher measures pieces of images against whole images",
        "readers/machinery/looking.py",
        'Shown(shown, cut_anywhere(some, shown, generator("pieces", workbench.seed)))',
        "Shown(shown, list(some))",
        ("tests/readers/test_reading_maps.py",),
    ),
    Mutant(
        "the outlier reader does not take off what a class usually scores",
        "readers/class_scores/outlier.py",
        "tail_probability(anomaly_index(scores, least) - usual, null)",
        "tail_probability(anomaly_index(scores, least), null)",
        ("tests/readers/test_outlier.py",),
    ),
    Mutant(
        "the outlier reader does not correct for the number of classes",
        "readers/class_scores/outlier.py",
        "(1 - UNKNOWN) / (classes * UNKNOWN)",
        "(1 - UNKNOWN) / UNKNOWN",
        ("tests/readers/test_outlier.py",),
    ),
    Mutant(
        "the gate allows twice the drop of clean accuracy",
        "flaws/planting/gate.py",
        "if drop <= self.clean_drop:",
        "if drop <= 2 * self.clean_drop:",
        ("tests/flaws/test_gate.py",),
    ),
    Mutant(
        "the gate's strictness does not apply to the lead over the twin",
        "flaws/planting/gate.py",
        "needed.lead * self.strictness",
        "needed.lead",
        ("tests/flaws/test_gate.py", "tests/flaws/test_natural_failures.py"),
    ),
    Mutant(
        "a natural feature is tried on images that hold another flaw's",
        "flaws/planting/plant.py",
        "return _without(drawn, _features([other for other in plans if other is not plan]))",
        "return drawn",
        ("tests/flaws/test_plans.py", "tests/flaws/test_planting.py"),
    ),
    Mutant(
        "two flaws of a kind in one network may share a target class",
        "flaws/planting/plant.py",
        "same_kind = tuple(target for plan in plans if plan.kind == flaw.name for target in plan.effect.named)",
        "same_kind = ()",
        ("tests/flaws/test_plans.py", "tests/flaws/test_planting.py"),
    ),
    Mutant(
        "natural features are not placed before pasted triggers",
        "flaws/planting/plant.py",
        "sorted(range(len(plans)), key=lambda number: not plans[number].features)",
        "range(len(plans))",
        ("tests/flaws/test_plans.py", "tests/flaws/test_planting.py"),
    ),
    Mutant(
        "the bootstrap is not stretched by Student's t",
        "statistics/intervals.py",
        "factor = stretch * quantile / norm.ppf(1 - tail)",
        "factor = stretch",
        ("tests/statistics/test_intervals.py",),
    ),
    Mutant(
        "strata of one case are not joined",
        "statistics/intervals.py",
        "return [np.array(rows) for rows in (*groups, single) if rows]",
        "return [np.array(rows) for rows in members.values()]",
        ("tests/statistics/test_intervals.py",),
    ),
    Mutant(
        "an abstention keeps the suspicion of its row",
        "statistics/detection.py",
        "values[row.subject].append(0.0)",
        'values[row.subject].append(row.figures.get("suspicion", 0.0))',
        ("tests/statistics/test_detection_statistics.py",),
    ),
    Mutant(
        "integrated gradients take the left end of each step instead of its middle",
        "tools/attribution/integrated_gradients.py",
        "(numbers + 0.5) / steps",
        "numbers / steps",
        ("tests/tools/test_attribution_methods.py",),
    ),
    Mutant(
        "a mask of Neural Cleanse passes on one lucky step",
        "tools/inversion/machinery/pairs.py",
        "self._memory = 1 - min(1, images_per_step / WINDOW_IMAGES)",
        "self._memory = 0",
        ("tests/tools/test_neural_cleanse.py",),
    ),
    Mutant(
        "images of the class itself count as sent there by the trigger",
        "tools/inversion/machinery/attack_success.py",
        "np.nonzero(classes[:, None] != images.labels[None, :])",
        "np.nonzero(np.ones((len(classes), len(images))))",
        ("tests/tools/test_neural_cleanse.py",),
    ),
    Mutant(
        "the check with shuffled weights does not shuffle them",
        "tools/attribution/machinery/sanity_checks.py",
        "Metered(shuffled(torch_module(subject), SHUFFLE_SEED), meter)",
        "Metered(unmetered(torch_module(subject)), meter)",
        ("tests/tools/test_attribution_methods.py",),
    ),
    Mutant(
        "a copied network counts on a meter of its own",
        "core/workbench.py",
        'copying must not make passes free."""\n        return self',
        'copying must not make passes free."""\n        return Meter(self._budget)',
        ("tests/models/test_metering.py",),
    ),
    Mutant(
        "a layer called by itself is free",
        "models/metering.py",
        "_examples(given, self.usual) * self.tally.share",
        "0.0",
        ("tests/models/test_metering.py",),
    ),
    Mutant(
        "passes backward are free",
        "models/metering.py",
        "self.meter.count_backward(self.load.passed_back(gradient, self.level))",
        "pass",
        ("tests/models/test_metering.py",),
    ),
    Mutant(
        "a reader of a question without retraining is handed the network",
        "runner/handlers/untrusted.py",
        "here.workbench(budget, seed, network=not isinstance(asked, Weigh))",
        "here.workbench(budget, seed)",
        ("tests/runner/test_bad_solvers.py", "-k", "reader_of_a_weigh"),
    ),
    Mutant(
        "a clean reference may be compared with itself",
        "runner/plan.py",
        "(reference for reference in clean if reference.name != network)",
        "(reference for reference in clean)",
        ("tests/runner/test_reference_networks.py", "-k", "not localise"),
    ),
    Mutant(
        "cells of different budgets have the same key",
        "runner/plan.py",
        "*(look_budget, retrain_budget, repeat, grid.seed,",
        "*(repeat, grid.seed,",
        ("tests/runner/test_plan.py",),
    ),
    Mutant(
        "skill is never below 0",
        "core/grade.py",
        "return (raw - floor) / (ceiling - floor)",
        "return max(0.0, (raw - floor) / (ceiling - floor))",
        ("tests/core/test_names_and_keys.py",),
    ),
    Mutant(
        "logits may depend on the rest of the batch",
        "models/trials.py",
        "            if not change <= allowed:",
        "            if change < 0:",
        ("tests/models/test_admission.py",),
    ),
    Mutant(
        "masks of pruning are lost instead of folded",
        "models/matching.py",
        '("_orig", "_mask", torch.mul,',
        '("_orig", "_mask", lambda weights, _: weights,',
        ("tests/models/test_weight_files.py",),
    ),
    Mutant(
        "several sets of weights that fit: the first is taken",
        "models/weights.py",
        "    if others and _rank(place)[0] == len(WRAPPINGS):",
        "    if others and not place:",
        ("tests/models/test_weight_files.py",),
    ),
    Mutant(
        "the gradient for feature maps takes in the deeper maps that are made of them",
        "models/cutting.py",
        "        return values.view_as(values)",
        "        return values",
        ("tests/tools/test_class_activation_cuts.py",),
    ),
    Mutant(
        "channels are taken to come first",
        "models/cutting.py",
        "    axes = best if moves[best] > moves[USUAL] + CLEARLY else USUAL",
        "    axes = USUAL",
        ("tests/models/test_cutting.py",),
    ),
    Mutant(
        "a ReLU with a ceiling is taken for one without",
        "models/recognising.py",
        "    grids = [grid, grid * BEYOND]",
        "    grids = [grid, grid]",
        ("tests/models/test_recognising.py",),
    ),
    Mutant(
        "DeepLift pairs rows of the batch one after the other",
        "tools/attribution/machinery/rule_modules.py",
        "                    self._axis, self._within = axis, within",
        "                    self._axis, self._within = axis, size // 2",
        ("tests/tools/test_rules_by_behaviour.py",),
    ),
    Mutant(
        "a transaction whose reply was lost is done again",
        "store/databases/postgres.py",
        "                if self._counts(session, number):",
        "                if self._counts(session, number) or True:",
        ("tests/store/test_postgres.py",),
    ),
    Mutant(
        "what another run wrote while the connection was lost is written over",
        "store/databases/postgres.py",
        "SET writes = :number WHERE token = :token AND writes = :number - 1",
        "SET token = :token, writes = :number",
        ("tests/store/test_postgres.py",),
    ),
    Mutant(
        "a row is written though its blobs could not be copied",
        "store/outbox.py",
        "            arriving.result()",
        "            arriving.exception()",
        ("tests/store/test_remote.py",),
    ),
    Mutant(
        "rows of a large database are read unchecked",
        "store/streaming.py",
        "            if checked_in:\n",
        "            if not checked_in and checked_in:\n",
        ("tests/store/test_store.py",),
    ),
    Mutant(
        "a network is not compared with its digests when it is fetched",
        "runner/phases/network_copies.py",
        'return next(iter(faults(folder)), "")',
        'return ""',
        ("tests/runner/test_other_machine.py", "-k", "checked"),
    ),
    Mutant(
        "a large report leaves failed cells out of its means",
        "report/large/scores.py",
        "avg(CASE WHEN status = '{Status.FAILED}' THEN 0.0 WHEN status",
        "avg(CASE WHEN status",
        ("tests/report/test_large_aggregates.py",),
    ),
    Mutant(
        "a large report weighs a network by its cases",
        "report/large/scores.py",
        "sum(cases)::BIGINT AS cases, avg(score) AS skill,",
        "sum(cases)::BIGINT AS cases, sum(score * cases) / sum(cases) AS skill,",
        ("tests/report/test_large_aggregates.py",),
    ),
    Mutant(
        "a large report averages rows of all versions of a task",
        "report/large/scores.py",
        "task_version DESC) = 1 AS compared",
        "task_version DESC) > 0 AS compared",
        ("tests/report/test_large_aggregates.py",),
    ),
    Mutant(
        "a question to the rows may read other files",
        "store/querying.py",
        "SET enable_external_access = false",
        "SET enable_progress_bar = false",
        ("tests/store/test_columns.py",),
    ),
    Mutant(
        "a snapshot is kept after a lost cell was done again",
        "store/columns.py",
        "return [count, graded, last, connection.execute(kept).scalar()]",
        "return [count, graded, last]",
        ("tests/store/test_columns.py",),
    ),
    Mutant(
        "a snapshot that reveals secret flaws lies in the open",
        "store/columns.py",
        "return (folder / SEALED if reveal else folder) / FOLDER / FILE",
        "return folder / FOLDER / FILE",
        ("tests/store/test_columns.py",),
    ),
    Mutant(
        "a job that was lost with its worker is not given out again",
        "runner/engine/remote/dispatch.py",
        "                queue.appendleft(job)\n",
        "                pass\n",
        ("tests/runner/test_remote.py", "-k", "whatever_workers"),
    ),
    Mutant(
        "what comes back from another machine is kept unchecked",
        "runner/engine/remote/parcels.py",
        "    if words := fault(key):\n",
        "    if (words := fault(key)) and not words:\n",
        ("tests/runner/test_remote.py", "-k", "not_what_its_name"),
    ),
    Mutant(
        "after Ctrl-C further jobs are given out",
        "runner/engine/remote/dispatch.py",
        "            while (queue or self._under_way) and not asked():\n",
        "            while queue or self._under_way:\n",
        ("tests/runner/test_remote.py", "-k", "ctrl_c"),
    ),
    Mutant(
        "a network that failed gives its place to the next one",
        "flaws/planting/trainers.py",
        "            self.result = error\n",
        "            self.result = None\n",
        ("tests/runner/test_planting_together.py", "-k", "side_by_side"),
    ),
    Mutant(
        "the outlier reader does not start at the prior that is announced",
        "readers/class_scores/outlier.py",
        "return prior[:-1] / max(float(prior[-1]), 1e-6)",
        "return np.ones(classes)",
        ("tests/readers/test_outlier.py",),
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants that are asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="numbers of mutants, with commas between; all without it")
    parser.add_argument("--out", type=Path, help="where the table is written as well")
    given = parser.parse_args(arguments)
    chosen = range(len(MUTANTS)) if given.only is None else [int(number) for number in given.only.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        copied(Path(folder))
        lines = []
        for line in table(chosen, Path(folder)):
            print(line, flush=True)
            lines.append(line)
    if given.out:
        given.out.write_text("\n".join(lines) + "\n")
    return 0


def table(chosen: Sequence[int], tree: Path) -> Iterator[str]:
    """Lines of the table, each as soon as it is known; raises ``MutantError`` where a mutant does not apply or tests fail without it."""
    for number in chosen:
        MUTANTS[number].applied((tree / PACKAGE / MUTANTS[number].file).read_text())
    sound = {tests: ran(tree, tests) for tests in dict.fromkeys(MUTANTS[number].tests for number in chosen)}
    for tests, verdict in sound.items():
        if verdict.words != "survived":
            raise MutantError(f"{' '.join(tests)} fails without any mutant: {verdict.killer or verdict.words}")
    yield "| # | mutant | verdict | killed by |"
    yield "|---|---|---|---|"
    for number in chosen:
        mutant = MUTANTS[number]
        verdict = tried(mutant, tree)
        # The test's name alone, which is enough to find it: rows of our documents are short.
        killer = f"`{verdict.killer.rpartition('::')[2]}`" if verdict.killer else ""
        yield f"| {number} | {mutant.rule} | {verdict.words} | {killer} |"


def tried(mutant: Mutant, tree: Path) -> Verdict:
    """What the tests say with the mutant in the tree, which is as before afterwards."""
    path = tree / PACKAGE / mutant.file
    source = path.read_text()
    try:
        path.write_text(mutant.applied(source))
        return ran(tree, mutant.tests)
    finally:
        path.write_text(source)


def ran(tree: Path, tests: Sequence[str]) -> Verdict:
    """Run tests of the tree until one fails."""
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(tree / "src")}
    try:
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return Verdict("killed", f"no end after {SECONDS} s")
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    if done.returncode == 0:
        return Verdict("survived")
    if done.returncode in {1, 2} and failed:
        return Verdict("killed", failed[1])
    raise MutantError(f"pytest ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def copied(folder: Path) -> None:
    """Copy what the tests need into ``folder``."""
    for name in COPIED:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        else:
            shutil.copy(path, folder / name)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MutantError as error:
        sys.exit(f"error: {error}")
