"""`pbrs info`: what is installed here, and what could be."""

from typing import Annotated, Any

import typer

from pbrs.printable import printable

EXTRAS = {
    "train": (("torch", "torchvision", "lightning", "monai", "onnx"), "training, studies, export"),
    "synth": (("numba", "opencv-python-headless"), "drawing synthetic radiographs"),
    "dicom": (("highdicom", "pyjpegls", "pylibjpeg", "python-gdcm"), "DICOM SEG out, compressed DICOM in"),
    "openvino": (("openvino",), "faster segmentation, above all on Intel processors"),
}
"""Packages of each extra, and what it is for."""

BASE = ("numpy", "scipy", "pillow", "pydicom", "onnxruntime")


def info(
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """Tell versions, processor, runtimes, extras and models: what to send with a question."""
    facts = gather()
    if json:
        import json as writer

        print(writer.dumps(facts, indent=2))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in _lines(facts):
        table.add_row(Text(name), Text(printable(value)))
    # Nothing is folded: the lines are there to be copied.
    Console(width=400, soft_wrap=True).print(table)


def gather() -> dict[str, Any]:
    """Gather the facts, importing none of the packages that they are about."""
    import os
    import platform
    from importlib.metadata import version

    from pbrs.modelfile.store import damaged_records, list_models, models_folder

    models = list_models()
    shipped = next((model for model in models if model.shipped), None)
    onnxruntime, openvino = _version("onnxruntime"), _version("openvino")
    return {
        "pbrs": version("pbrs"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": {
            "name": _processor_name(),
            "count": os.cpu_count(),
            "usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "bfloat16": _has_bfloat16(),
        },
        "packages": {name: _version(name) for name in BASE},
        "runtimes": {"onnxruntime": onnxruntime, "openvino": openvino},
        "extras": {name: _extra(name) for name in EXTRAS},
        "models": {
            "shipped": None
            if shipped is None
            else {
                "name": shipped.name,
                "file": str(shipped.file),
                "sha256": shipped.sha256,
                "bytes": shipped.file.stat().st_size,
            },
            "folder": str(models_folder()),
            "added": [model.name for model in models if not model.shipped],
            "damaged": damaged_records(),
        },
    }


def _extra(name: str) -> dict[str, Any]:
    packages, purpose = EXTRAS[name]
    versions = {package: _version(package) for package in packages}
    return {
        "installed": None not in versions.values(),
        "for": purpose,
        "packages": versions,
        "install": f"pip install 'pbrs[{name}]'",
    }


def _lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    processor, models = facts["processor"], facts["models"]
    bfloat16 = {True: ", bfloat16", False: ", no bfloat16", None: ""}[processor["bfloat16"]]
    lines = [
        ("PBRS", facts["pbrs"]),
        ("Python", f"{facts['python']} on {facts['platform']}"),
        ("processor", f"{processor['name']}, {processor['usable']} of {processor['count']} usable{bfloat16}"),
        ("packages", ", ".join(f"{name} {number or 'missing'}" for name, number in facts["packages"].items())),
    ]
    for index, (name, number) in enumerate(facts["runtimes"].items()):
        lines.append(("" if index else "runtimes", f"{name} {number or 'not installed'}"))
    for index, (name, extra) in enumerate(facts["extras"].items()):
        present = ", ".join(f"{package} {number}" for package, number in extra["packages"].items() if number)
        missing = f"not installed; adds {extra['for']}: {extra['install']}"
        lines.append(("" if index else "extras", f"{name:9} {present if extra['installed'] else missing}"))
    shipped = models["shipped"]
    known = shipped and f"{shipped['name']}, {shipped['bytes'] / 1e6:.1f} MB, SHA-256 {shipped['sha256'][:12]}"
    lines.append(("shipped model", known or "none in this copy of PBRS"))
    lines.append(("added models", f"{', '.join(models['added']) or 'none'} (in {models['folder']})"))
    lines += [("", damaged) for damaged in models["damaged"]]
    return lines


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor_name() -> str:
    import platform

    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _has_bfloat16() -> bool | None:
    """Tell whether the processor computes in bfloat16; None where the system does not say."""
    flags = (_cpuinfo("flags") or _cpuinfo("Features")).split()
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(flags)) if flags else None


def _cpuinfo(field: str) -> str:
    """Read a field of Linux's list of processors, of the first one; empty where there is none."""
    from pathlib import Path

    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == field:
            return value.strip()
    return ""
