"""Sentence encoders that are not there, or are none."""

from pathlib import Path

import pytest

from zerosign.errors import UserError
from zerosign.mapping.encoder import load_encoder


def test_an_encoder_that_is_not_there() -> None:
    with pytest.raises(UserError, match="pip install"):
        load_encoder("package:no_such_encoder")
    with pytest.raises(UserError, match="no such folder"):
        load_encoder("./no/such/folder")


def test_a_folder_that_holds_no_encoder(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    encode_with = load_encoder(str(tmp_path))
    with pytest.raises(UserError, match="cannot be loaded"):
        encode_with(["book"])
