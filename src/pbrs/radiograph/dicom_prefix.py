"""What the first bytes of a DICOM file say; known without pydicom, whose import takes longer than reading a PNG."""


def is_dicom(data: bytes) -> bool:
    """Tell whether bytes have the DICOM prefix (PS3.10, 7.1)."""
    return data[128:132] == b"DICM"
