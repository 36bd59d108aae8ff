"""Tables of interactions: columns found by name, nothing passed over, every mistake named with its mend."""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simulations.columns import ROLES, SYNONYMS, plain
from simulations.datasets import Dataset, DatasetError
from simulations.loading import load_dataset
from simulations.scenario import DatasetSection

ROWS = "u2,b,3,15\nu1,c,4,20\nu1,a,5,10\nu1,b,1,20\n"
HEADER = "user_id,item_id,rating,timestamp\n"


def load(path: Path, name: str = "csv", **section: Any) -> Dataset:
    return load_dataset(DatasetSection(name=name, **section), data=path, cache=path / "cache")  # type: ignore[arg-type]


def table(tmp_path: Path, text: str, name: str = "events.csv") -> Path:
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    return tmp_path / name


def test_entries_are_sorted_by_person_then_time_and_the_catalogue_is_stamped(tmp_path: Path) -> None:
    found = load(table(tmp_path, HEADER + ROWS))
    assert found.catalogue.ids == ("a", "b", "c")
    assert (found.person.tolist(), found.item.tolist()) == ([0, 0, 0, 1], [0, 2, 1, 1])
    assert found.catalogue_source == "derived from interactions"
    assert found.timed
    assert found.columns == {"user": "user_id", "item": "item_id", "rating": "rating", "time": "timestamp"}


def test_without_times_the_files_order_counts_and_says_nothing_of_recency(tmp_path: Path) -> None:
    found = load(table(tmp_path, "user,item\nu1,c\nu2,b\nu1,a\nu1,b\nu1,a\n"))
    assert not found.timed
    assert found.item.tolist() == [2, 0, 1, 0, 1]
    assert found.repeats == 1
    assert load(table(tmp_path, HEADER + ROWS), columns={"time": "-"}).item.tolist() == [2, 0, 1, 1]


def test_numbers_as_ids_are_ordered_by_size(tmp_path: Path) -> None:
    assert load(table(tmp_path, "user,item\n1,10\n1,9\n1,2\n")).catalogue.ids == ("2", "9", "10")


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_usual_separator_and_line_end_is_read(tmp_path: Path, separator: str, end: str) -> None:
    text = (HEADER + ROWS).replace(",", separator).replace("\n", end)
    assert load(table(tmp_path, "\ufeff" + text)).item.tolist() == [0, 2, 1, 1]


@pytest.mark.parametrize("role", ROLES)
def test_every_synonym_finds_its_column(tmp_path: Path, role: str) -> None:
    for synonym in SYNONYMS[role]:  # type: ignore[index]
        assert plain(synonym) == synonym
        header = {"user": "user", "item": "item", role: f" {synonym.title()}"}
        cells = {"user": "u", "item": "i", "rating": "1", "time": "2", "text": "Words", "genres": "A|B"}
        text = ",".join(header.values()) + "\n" + ",".join(cells[name] for name in header) + "\n"
        found = load(table(tmp_path, text))
        assert found.columns[role] == synonym.title()


def test_a_file_without_a_header_is_read_by_numbers(tmp_path: Path) -> None:
    found = load(table(tmp_path, ROWS), header=False, columns={"user": 1, "item": 2, "time": 4})
    assert found.item.tolist() == [0, 2, 1, 1]
    with pytest.raises(DatasetError, match=r"dataset\.header=false"):
        load(table(tmp_path, ROWS))


def test_public_knowledge_comes_with_the_rows_or_from_a_file_beside_them(tmp_path: Path) -> None:
    rows = 'who,asin,title,genres\n1,x,"Red, the (1999)",A|B\n1,y,,\n2,x,"Red, the (1999)",\n'
    found = load(table(tmp_path, rows), columns={"user": "who"})
    assert found.catalogue.titles == ("Red, the (1999)", "")
    assert found.catalogue.years.tolist() == [1999, 0]
    assert found.catalogue.genres == (("A", "B"), ())
    folder = tmp_path / "folder"
    folder.mkdir()
    table(folder, "user,item\n1,y\n1,x\n", "interactions.csv")
    table(folder, "item_id,name\nx,Red\nz,Never met\ny,Blue\n", "items.csv")
    public = load(folder)
    assert public.catalogue_source == "public"
    assert public.catalogue.titles == ("Red", "Never met", "Blue")
    assert public.item.tolist() == [2, 0]
    table(folder, "user,item\n1,y\n1,w\n", "interactions.csv")
    with pytest.raises(
        DatasetError, match=r"interactions.csv, line 3: item 'w' is not in the catalogue beside it"
    ):
        load(folder)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1: empty; a table starts with the names of its columns"),
        (HEADER, "holds no interaction"),
        ("who,item\n1,2\n", "no column looks like the user: the columns are 'who', 'item'"),
        ("user,user,item\n1,1,2\n", "two columns are called 'user'"),
        (HEADER + "u1,a,5\n", "line 2: 3 columns, expected 4 separated by ','"),
        (HEADER + "u1,a,5,10\n\nu1,b,5,11\n", "line 3: 0 columns, expected 4"),
        (HEADER + "u1,,5,10\n", "line 2: item is empty"),
        (HEADER + " ,a,5,10\n", "line 2: user is empty"),
        (HEADER + "u1,a,five,10\n", "line 2: rating 'five' is not a finite number"),
        (HEADER + "u1,a,5,10\nu1,b,inf,10\n", "line 3: rating 'inf'"),
        (HEADER + "u1,a,5,10\nu1,b,5,2020-01-01\n", "line 3: time '2020-01-01' is not a finite number"),
        (HEADER + "u1,a,5,2020-01-01\nu1,b,5,10\n", "line 3: time '10' is no date like 2024-05-31"),
        (HEADER + 'u1,"a,5,10\n', "line 2: unexpected end of data"),
        (HEADER + 'u1,"a"b,5,10\n', "line 2: ',' expected after '\"'"),
        ("user,item,title\n1,a,X\n1,a,Y\n", "line 3: item 'a' has another text than before ('Y', 'X')"),
    ],
)  # fmt: skip
def test_a_bad_file_is_named_by_line_and_reason(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(complaint)) as refused:
        load(table(tmp_path, text))
    assert "events.csv" in str(refused.value)


def test_text_in_another_encoding_is_named_by_line(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_bytes(HEADER.encode() + b"u1,a,5,10\nu1,\xff,5,10\n")
    with pytest.raises(DatasetError, match="line 3: not UTF-8"):
        load(tmp_path / "events.csv")


def test_what_is_asked_of_a_column_must_be_possible(tmp_path: Path) -> None:
    made = table(tmp_path, HEADER + ROWS)
    for columns, complaint in (
        ({"user": "nobody"}, "no column is called 'nobody'"),
        ({"user": 9}, "must be 1 to 4"),
        ({"user": "item_id"}, "cannot be both user and item"),
        ({"user": "-"}, "no column looks like the user"),
    ):
        with pytest.raises(DatasetError, match=re.escape(complaint)):
            load(made, columns=columns)


def test_dates_are_compared_as_moments_not_as_text(tmp_path: Path) -> None:
    rows = "user,item,date\n1,late,2024-01-01T01:00:00+00:00\n1,early,2024-01-01T01:30:00+01:00\n1,first,2023-12-31\n"
    found = load(table(tmp_path, rows))
    assert [found.catalogue.ids[item] for item in found.item] == ["first", "early", "late"]


def test_a_path_that_leads_nowhere_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="No such file"):
        load(tmp_path / "none.csv")
    with pytest.raises(DatasetError, match=r"a folder must hold interactions\.csv"):
        load(tmp_path)
    with pytest.raises(DatasetError, match="--data PATH"):
        load_dataset(DatasetSection(name="csv"), data=None, cache=tmp_path)
    with pytest.raises(DatasetError, match=r"dataset\.name=parquet"):
        load(tmp_path / "some.parquet")


def test_parquet_gives_what_the_same_csv_gives(tmp_path: Path) -> None:
    expected = load(
        table(tmp_path, HEADER.replace("rating", "title") + ROWS.replace(",3,", ",1,")), columns={"text": "-"}
    )
    columns = {
        "user_id": pa.array(["u2", "u1", "u1", "u1"]).dictionary_encode(),
        "item_id": ["b", "c", "a", "b"],
        "timestamp": pa.array([15, 20, 10, 20], pa.timestamp("s")),
        "genres": [["A", "B"], None, [], ["A", "B"]],
    }
    pq.write_table(pa.table(columns), tmp_path / "events.parquet")
    found = load(tmp_path / "events.parquet", "parquet")
    assert np.array_equal(found.item, expected.item)
    assert found.catalogue.genres == ((), ("A", "B"), ())
    pq.write_table(pa.table({"user": [1, 2], "item": [5, None]}), tmp_path / "events.parquet")
    with pytest.raises(DatasetError, match="row 2: item is missing"):
        load(tmp_path / "events.parquet", "parquet")
    pq.write_table(pa.table({"user": [1, 2], "item": [5.5, 6.5]}), tmp_path / "events.parquet")
    with pytest.raises(DatasetError, match="column item holds double, which cannot be the item"):
        load(tmp_path / "events.parquet", "parquet")


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DatasetError, match=re.escape("pip install 'penchant[parquet]'")):
        load(tmp_path / "events.parquet", "parquet")
