"""``transformers serve`` with one model on the CPU: ``python serve_transformers.py FOLDER PORT``.

Where torchvision is a build for other hardware than torch, its own reading of images does not load:
then Pillow reads them.
"""

import io
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow" / "scripts"))

from zerosign import torch_setup


def main(folder: str, port: str) -> None:
    """Serve until killed."""
    torch_setup.prepare()
    import numpy as np
    import torch
    import torchvision.io
    from PIL import Image

    def decode_image(data: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        image = Image.open(io.BytesIO(data.numpy().tobytes())).convert("RGB")
        return torch.from_numpy(np.array(image)).permute(2, 0, 1)

    torchvision.io.decode_image = decode_image
    from transformers.cli.serve import Serve

    Serve(force_model=folder, device="cpu", dtype="float32", host="127.0.0.1", port=int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
