"""From trained parameters to the two files a device loads: the model and its catalogue."""

import hashlib
from dataclasses import dataclass

from models.catalogue import Catalogue
from models.catalogue_file import encode_catalogue
from models.errors import ModelError
from models.graph import build_graph
from models.parameters import GlobalParameters


class ExportError(ModelError):
    """Parameters and catalogue speak of different items: the caller pairs the right ones."""

    code = "export_mismatch"


@dataclass(frozen=True, slots=True)
class ExportedRelease:
    """What goes into a release folder beside the signed manifest and its log proof.

    Args:
        model: model.onnx; its metadata_props hold ``catalogue_sha256``, the digest of the other file, so a
            manifest that signs the model's digest signs the catalogue too.
        catalogue: catalogue.json.
    """

    model: bytes
    catalogue: bytes

    @property
    def sha256(self) -> str:
        """Hex digest of the model, the one a manifest signs."""
        return hashlib.sha256(self.model).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of the model, the number a manifest signs."""
        return len(self.model)


def export_release(params: GlobalParameters, catalogue: Catalogue) -> ExportedRelease:
    """Quantize the parameters and write both files; equal inputs give equal bytes.

    Raises:
        ExportError: the catalogue has another number of items than the parameters.
        GraphError: there are no items.
    """
    if params.items != len(catalogue):
        raise ExportError(f"the parameters rank {params.items} items, the catalogue lists {len(catalogue)}")
    listed = encode_catalogue(catalogue)
    digest = hashlib.sha256(listed).hexdigest()
    return ExportedRelease(build_graph(params, metadata={"catalogue_sha256": digest}), listed)
