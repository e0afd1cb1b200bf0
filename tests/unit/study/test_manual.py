"""config/README.md explains every key that a study may have."""

from pathlib import Path

import pytest

from zerosign.study.study_config import CsvDataset, StudyConfig, WlaslDataset

MANUAL = Path(__file__).parents[3] / "config/README.md"
KEYS = sorted({*StudyConfig.model_fields, *WlaslDataset.model_fields, *CsvDataset.model_fields})


@pytest.mark.parametrize("key", KEYS)
def test_the_manual_names_the_key(key: str) -> None:
    text = MANUAL.read_text("utf-8")
    assert f"`{key}`" in text or f"`{key}," in text, f"config/README.md does not explain {key}"
