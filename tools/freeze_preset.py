"""Freeze a test: keep what `pbrs dataset verify` compares with. Only for a new version of the benchmark.

pbrs synthesize --preset pelvissynth-150 -o DATASET
python tools/freeze_preset.py DATASET
"""

import sys
from pathlib import Path

from pbrs.dataset.folder import open_dataset
from pbrs.synthesis.presets import find_preset
from pbrs.synthesis.reference import Reference

FROZEN = Path(__file__).parents[1] / "src/pbrs/synthesis/frozen"
MOST_BYTES = 1_500_000


def main(*datasets: str) -> None:
    for dataset in datasets:
        reference = Reference.of(open_dataset(Path(dataset)))
        preset = find_preset(reference.name)
        if len(reference.cases) != preset.count:
            sys.exit(f"{dataset}: {len(reference.cases)} cases, expected {preset.count}")
        file = FROZEN / f"{reference.name}.npz"
        reference.save(file)
        print(f"{file}: {preset.title}, generator {reference.generator_version}, {file.stat().st_size:,} bytes")
        if file.stat().st_size > MOST_BYTES:
            sys.exit(f"{file} is larger than {MOST_BYTES:,} bytes")


main(*sys.argv[1:])
