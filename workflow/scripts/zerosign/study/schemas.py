"""JSON Schemas of the configuration files, for editors: made from the types, never by hand.

``python -m zerosign.study.schemas FOLDER`` writes them; ``make schemas`` does it for the project.
"""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from zerosign.dataset.facts import DatasetEntry
from zerosign.entries import Name
from zerosign.files import write_atomic
from zerosign.models import registry
from zerosign.prompts.prompt_entry import PromptSource
from zerosign.study.loading import DownloadEntry
from zerosign.study.study_config import StudyConfig

FILES: dict[str, tuple[Any, str]] = {
    "config": (StudyConfig, "A zerosign study; config/README.md explains every key"),
    "models": (registry.entries_type(), "Models (config/models.yaml)"),
    "prompts": (dict[Name, PromptSource], "Prompts (config/prompts.yaml)"),
    "datasets": (dict[str, DatasetEntry], "Facts on data sets (config/datasets.yaml)"),
    "downloads": (dict[str, DownloadEntry], "Downloads (config/downloads.yaml)"),
}
"""Name of a configuration file, and the type and title of its content."""


class _ForEditors(GenerateJsonSchema):
    """Titles of single keys repeat their names: left out."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        made = super().tagged_union_schema(schema)
        made.pop("discriminator", None)  # of OpenAPI, not of JSON Schema
        return made


def schema_of(name: str) -> dict[str, Any]:
    """The schema of a configuration file."""
    kind, title = FILES[name]
    made = TypeAdapter(kind).json_schema(schema_generator=_ForEditors)
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return dialect | made | {"title": title}


def write(folder: Path) -> None:
    """Write all schemas into a folder."""
    for name in FILES:
        text = json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n"
        with write_atomic(folder / f"{name}.schema.json") as temporary:
            temporary.write_text(text, "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
