from pathlib import Path

import numpy as np
from PIL import Image

from pbrs.dataset.contact_sheet import CASES_PER_PAGE, ContactSheet
from phantom import phantom


def test_a_full_page_is_written_before_the_next_begins(tmp_path: Path) -> None:
    sheet = ContactSheet(tmp_path)
    picture = np.zeros((4, 5), np.float32)
    for index in range(CASES_PER_PAGE):
        assert not list(tmp_path.glob("page_*"))
        sheet.add(f"case_{index}", picture, None)
    assert [path.name for path in tmp_path.glob("page_*")] == ["page_001.png"]
    sheet.add("last", picture, None)
    sheet.close()
    sheet.close()
    assert [path.name for path in sheet.pages] == ["page_001.png", "page_002.png"]
    with Image.open(sheet.pages[0]) as page:
        assert max(page.size) < 2000


def test_pages_of_an_earlier_sheet_are_removed(tmp_path: Path) -> None:
    (tmp_path / "page_007.png").touch()
    (tmp_path / "page_notes.txt").touch()
    ContactSheet(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["page_notes.txt"]


def test_the_region_is_tinted_and_the_rest_stays_grey(tmp_path: Path) -> None:
    image, mask = phantom(0, (224, 224))
    sheet = ContactSheet(tmp_path)
    sheet.add("p", image.astype(np.float32) / 255, mask)
    sheet.close()
    page = np.asarray(Image.open(tmp_path / "page_001.png")).astype(int)
    tile = page[10:234, 10:234]
    colour = np.ptp(tile, axis=2)
    np.testing.assert_array_equal(tile[~mask], np.repeat(image[~mask][:, None], 3, axis=1))
    assert (colour[mask] > 20).all()


def test_every_case_can_be_drawn_whatever_its_form_and_name(tmp_path: Path) -> None:
    sheet = ContactSheet(tmp_path)
    sheet.add("1.2.840.113619.2.55.3.604688119.969.1362134893.567.3.12.1107.5", None, None, "image unreadable")
    sheet.add("骨盆 [b]x[/b]", np.ones((1, 3000), np.float32), np.ones((1, 3000), bool), "mask covers all")
    sheet.add("tall", np.ones((3000, 1), np.float32), None, "no mask")
    sheet.close()
    assert len(sheet.pages) == 1
