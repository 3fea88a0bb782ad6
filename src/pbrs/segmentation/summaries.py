"""What one call of `segment` writes of all radiographs together: preview, statistics, HTML report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pbrs.radiograph.radiograph import Radiograph
from pbrs.segmentation.formats.image import HasMasks
from pbrs.segmentation.outputs import shown_name
from pbrs.segmentation.spool import Spool

# Imported where they are used: most calls ask for none of them, and start the sooner.
if TYPE_CHECKING:
    from pbrs.segmentation.html_report import HtmlReport
    from pbrs.segmentation.preview import PreviewSheets


@dataclass
class Summaries:
    """Gathers from each radiograph what the summaries need, and lets its arrays go.

    Attributes
    ----------
    out
        The call's folder.
    preview, statistics, report
        Which to write: ``preview.png`` and further sheets, ``statistics.csv``, ``report.html``.
    written
        Names of what has been written, within `out`.
    """

    out: Path
    preview: bool = False
    statistics: bool = False
    report: bool = False
    written: list[str] = field(default_factory=list, init=False)
    _sheets: "PreviewSheets | None" = field(default=None, init=False)
    _page: "HtmlReport | None" = field(default=None, init=False)
    _rows: Spool = field(default_factory=Spool, init=False)

    @property
    def wanted(self) -> bool:
        """Whether any of them was asked for."""
        return self.preview or self.statistics or self.report

    @property
    def patterns(self) -> list[str]:
        """Globs within `out` of what is to be written, and of an earlier call's that is then removed."""
        asked = (self.preview, "preview.png"), (self.preview, "preview_*.png"), (self.statistics, "statistics.csv")
        return [pattern for is_asked, pattern in (*asked, (self.report, "report.html")) if is_asked]

    def add(self, entry: dict[str, Any], radiograph: Radiograph, segmentation: HasMasks) -> None:
        """Take in one radiograph, with its entry in the report; to be called by one thread at a time."""
        rows: list[dict[str, Any]] = []
        if self.statistics or self.report:
            from pbrs.segmentation.statistics import measure

            rows = measure(entry, radiograph, segmentation)
        if self.statistics:
            for row in rows:
                self._rows.append(row)
        if self.preview or self.report:
            from pbrs.segmentation.preview import draw_thumbnail

            thumbnail = draw_thumbnail(radiograph, segmentation)
            if self.preview:
                self._gathered_sheets().add(shown_name(entry), thumbnail, bool(entry["warnings"]))
            if self.report:
                self._gathered_page().add(entry, rows, thumbnail)

    def close(self) -> None:
        """Write preview and statistics of what was taken in so far; nothing, if nothing was.

        Of what was asked for, nothing of an earlier call into the same folder stays.
        """
        if self.preview:
            sheets = self._gathered_sheets()
            sheets.close()
            self.written += [sheet.name for sheet in sheets.files]
        for asked, name in ((self.statistics, "statistics.csv"), (self.report, "report.html")):
            if asked:
                (self.out / name).unlink(missing_ok=True)
        if self._rows:
            from pbrs.segmentation.statistics import write_statistics

            write_statistics(self.out / "statistics.csv", self._rows)
            self.written.append("statistics.csv")

    def write_page(self, report: Mapping[str, Any]) -> None:
        """Write the HTML report, if it was asked for, with the finished call's report."""
        if self.report:
            self._gathered_page().write(self.out / "report.html", report)
            self.written.append("report.html")

    def _gathered_sheets(self) -> "PreviewSheets":
        if self._sheets is None:
            from pbrs.segmentation.preview import PreviewSheets

            self._sheets = PreviewSheets(self.out)
        return self._sheets

    def _gathered_page(self) -> "HtmlReport":
        if self._page is None:
            from pbrs.segmentation.html_report import HtmlReport

            self._page = HtmlReport()
        return self._page
