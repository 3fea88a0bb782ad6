"""Which arithmetic a training runs in."""

import torch

from pbrs.training.settings import TrainingSettings


def lightning_precision(settings: TrainingSettings) -> str:
    """Translate the settings' precision into Lightning's word for it.

    ``auto`` is bfloat16 autocast where the processor computes in it (AVX512-BF16 or AMX on a CPU, any CUDA device that
    says so), 2–3 times as fast as float32 there, and float32 elsewhere.
    """
    if settings.precision == "float32" or (settings.precision == "auto" and not _has_bfloat16(settings.accelerator)):
        return "32-true"
    return "bf16-mixed"


def _has_bfloat16(accelerator: str) -> bool:
    if accelerator != "cpu" and torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Older torch cannot tell: float32 is right everywhere, if slower.
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16"))
