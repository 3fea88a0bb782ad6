import dataclasses

import numpy as np
import pytest

from pbrs.synthesis.attenuation import attenuation
from pbrs.synthesis.beam import beam, spectrum
from pbrs.synthesis.exposure import automatic_level, expose, transmission
from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import Draw, Table
from synthetic_patient import body, extreme_tables, fixed, only, opencv_threads, patient, view_of

VIEW = view_of(128)
PATIENT = patient(VIEW)
OPEN = np.ones(VIEW.shape, np.float32)
FINE = view_of(400)
FINE_OPEN = np.ones(FINE.shape, np.float32)
DETECTOR = [name for name, row in FACTORS.items() if row.group == "detector"]


def exposed(table: Table, *, seed: int = 1, fraction: np.ndarray = OPEN, materials: dict = PATIENT) -> np.ndarray:
    return expose(materials, fraction, VIEW, Draw(table, seed))


def plate(**thickness_mm: float) -> dict[str, np.ndarray]:
    return {name: np.full(VIEW.shape, mm, np.float32) for name, mm in thickness_mm.items()}


class TestBeam:
    def test_weights_add_up_to_the_open_beam(self) -> None:
        assert beam(60, 2.5, ["muscle"]).weights.sum() == pytest.approx(1)
        assert beam(120, 3.5, ["muscle"]).weights.sum() == pytest.approx(1)

    @pytest.mark.parametrize("tube_kv", [60, 75, 90, 120])
    @pytest.mark.parametrize(("muscle", "bone"), [(20, 0), (60, 5), (150, 15), (230, 5), (230, 25)])
    def test_few_bands_attenuate_as_the_whole_spectrum_does(self, tube_kv: float, muscle: float, bone: float) -> None:
        table, few = attenuation(), beam(tube_kv, 3, ["muscle", "cortical_bone"])
        depth = table.per_mm["muscle"] * muscle + table.per_mm["cortical_bone"] * bone
        whole = (spectrum(tube_kv, 3) * np.exp(-depth)).sum()
        in_bands = few.weights @ np.exp(-few.per_mm["muscle"] * muscle - few.per_mm["cortical_bone"] * bone)
        assert in_bands == pytest.approx(whole, rel=0.06)

    def test_a_higher_voltage_or_a_thicker_filter_makes_the_beam_harder(self) -> None:
        energy = attenuation().energy_kev
        assert spectrum(120, 3) @ energy > spectrum(70, 3) @ energy + 10
        assert spectrum(80, 3.5) @ energy > spectrum(80, 2.5) @ energy
        assert spectrum(80, 3)[energy >= 80].sum() == 0


class TestTransmission:
    def test_each_band_follows_beer_and_lambert(self) -> None:
        through = beam(80, 3, ["muscle", "cortical_bone"])
        expected = through.weights @ np.exp(-through.per_mm["muscle"] * 150 - through.per_mm["cortical_bone"] * 8)
        left = transmission(plate(muscle=150, cortical_bone=8), through, VIEW.shape)
        assert left == pytest.approx(np.full(VIEW.shape, expected), rel=1e-5)

    def test_the_beam_hardens_on_its_way(self) -> None:
        through = beam(80, 3, ["muscle"])
        left = [transmission(plate(muscle=mm), through, VIEW.shape)[0, 0] for mm in (0, 50, 100, 150, 200)]
        assert (np.diff(-np.log(left), 2) < 0).all()

    def test_nothing_in_the_way_leaves_the_open_beam(self) -> None:
        assert exposed(only(), materials={}) == pytest.approx(OPEN)
        assert exposed(only(), materials=plate(muscle=0)) == pytest.approx(OPEN)

    def test_bone_and_metal_throw_a_shadow_and_a_pocket_of_air_lets_more_through(self) -> None:
        signal = exposed(only())
        columns, rows = (
            edges.astype(int) for edges in VIEW.to_pixel(np.array([-60.0, 20, 60, 100]), np.full(4, -100.0))
        )
        bone, metal, tissue, _ = signal[rows, columns]
        column, row = (edge.astype(int) for edge in VIEW.to_pixel(60, 80))
        assert metal < bone < tissue < signal[row, column] < 1


class TestDetector:
    def test_is_the_same_again_and_other_with_another_seed(self) -> None:
        assert np.array_equal(exposed(FACTORS), exposed(FACTORS))
        assert not np.array_equal(exposed(FACTORS), exposed(FACTORS, seed=2))

    def test_does_not_depend_on_the_number_of_threads(self) -> None:
        with opencv_threads(1):
            alone = exposed(extreme_tables()["widened"])
        with opencv_threads(4):
            assert np.array_equal(exposed(extreme_tables()["widened"]), alone)

    @pytest.mark.parametrize("name", [name for name in DETECTOR if name not in ("exposure_error", "focal_spot")])
    def test_each_factor_changes_the_signal(self, name: str) -> None:
        plain, changed = (expose(patient(FINE), FINE_OPEN, FINE, Draw(table, 1)) for table in (only(), only(name)))
        assert not np.array_equal(plain, changed)

    def test_the_dose_matters_to_noise_alone(self) -> None:
        assert np.array_equal(exposed(only("exposure_error")), exposed(only()))
        clean = exposed(only())
        noise = [
            (exposed(fixed(only("quantum_noise", "exposure_error"), "exposure_error", times=times)) - clean).std()
            for times in (0.5, 2)
        ]
        assert noise[0] == pytest.approx(2 * noise[1], rel=1e-3)

    @pytest.mark.parametrize("extreme", ["widened", "lows", "highs"])
    @pytest.mark.parametrize("seed", range(3))
    def test_extremes_give_a_signal(self, extreme: str, seed: int) -> None:
        signal = exposed(extreme_tables()[extreme], seed=seed)
        assert signal.dtype == np.float32
        assert signal.shape == VIEW.shape
        assert np.isfinite(signal).all()
        assert signal.min() >= 0

    @pytest.mark.parametrize("fraction", [0.0, 1.0])
    @pytest.mark.parametrize("material", ["lead", "muscle"])
    def test_no_beam_and_no_way_through_give_a_signal_too(self, fraction: float, material: str) -> None:
        signal = exposed(
            extreme_tables()["highs"], fraction=OPEN * np.float32(fraction), materials=plate(**{material: 400})
        )
        assert np.isfinite(signal).all()

    def test_scatter_veils_thick_parts_and_more_so_without_a_grid(self) -> None:
        clean = exposed(only())
        middle = (slice(60, 68), slice(55, 65))
        with_grid = exposed(only("scatter"))[middle] / clean[middle]
        without = exposed(only("scatter", "no_grid"))[middle] / clean[middle]
        assert 1.05 < with_grid.mean() < 2.5
        assert without.mean() > with_grid.mean() + 0.5

    def test_open_air_throws_no_scatter(self) -> None:
        air = plate(muscle=0)
        assert exposed(only("scatter", "no_grid"), materials=air) == pytest.approx(exposed(only(), materials=air))

    def test_the_noise_of_quanta_grows_as_the_square_root_of_the_signal(self) -> None:
        steps = {"muscle": np.repeat(np.float32([0, 60, 120, 180]), 32)[None].repeat(128, 0)}
        view = dataclasses.replace(VIEW, shape=(128, 128))
        open_beam = np.ones((128, 128), np.float32)
        clean = expose(steps, open_beam, view, Draw(only(), 1))
        noise = expose(steps, open_beam, view, Draw(only("quantum_noise"), 1)) - clean
        spread = noise.reshape(128, 4, 32).std((0, 2))
        assert spread / spread[0] == pytest.approx(np.sqrt(clean[0, ::32] / clean[0, 0]), rel=0.06)

    def test_noise_is_that_of_the_stated_number_of_quanta(self) -> None:
        table = fixed(only("quantum_noise"), "quantum_noise", quanta_per_mm2=4000)
        signal = exposed(table, materials=plate(muscle=150))
        assert signal.std() / signal.mean() == pytest.approx(1 / np.sqrt(4000 * VIEW.pixel_mm**2), rel=0.03)

    def test_saturation_burns_out_air_and_spares_the_patient(self) -> None:
        table = fixed(only("saturation"), "saturation", times_level=8)
        clean, saturated = exposed(only()), exposed(table)
        assert saturated.max() < 0.9
        assert np.array_equal(clean[saturated < saturated.max()], saturated[saturated < saturated.max()])

    def test_more_dose_saturates_at_less(self) -> None:
        table = fixed(only("saturation", "exposure_error"), "saturation", times_level=8)
        more, less = (exposed(fixed(table, "exposure_error", times=times)).max() for times in (2, 1))
        assert more == pytest.approx(less / 2, rel=1e-4)

    def test_blur_keeps_the_signals_mean(self) -> None:
        blurred = exposed(fixed(only("detector_blur"), "detector_blur", sigma_mm=5))
        assert blurred.mean() == pytest.approx(exposed(only()).mean(), rel=0.01)
        assert np.abs(np.diff(blurred)).max() < 0.5 * np.abs(np.diff(exposed(only()))).max()

    def test_the_focal_spot_blurs_by_its_share_of_the_way_to_the_detector(self) -> None:
        close = dataclasses.replace(VIEW, pixel_mm=0.1)
        edge = {"muscle": np.repeat(np.float32([0, 60]), VIEW.shape[1] // 2)[None].repeat(VIEW.shape[0], 0)}
        table = fixed(only("focal_spot"), "focal_spot", size_mm=12)
        steps = -np.diff(expose(edge, OPEN, close, Draw(table, 1))[0])
        at = np.arange(steps.size)
        middle = steps @ at / steps.sum()
        width = np.sqrt(steps @ (at - middle) ** 2 / steps.sum()) * close.pixel_mm
        assert width == pytest.approx(12 * 120 / 1120 / np.sqrt(12), rel=0.05)

    def test_the_automatic_level_is_the_patients(self) -> None:
        signal = exposed(only())
        inside = np.exp(np.log(signal[body(VIEW)]).mean())
        level = automatic_level(signal, np.square(1 - signal))
        assert level == pytest.approx(inside, rel=0.3)
        assert automatic_level(signal, np.zeros_like(signal)) == 1

    def test_the_heel_effect_is_a_gradient(self) -> None:
        air = exposed(only("heel_effect"), materials=plate(muscle=0))
        assert air.max() / air.min() < np.exp(0.95 * 0.62)
        steps = np.diff(np.log(air[:, 64]))
        assert steps == pytest.approx(np.full_like(steps, steps.mean()), abs=1e-5)
