"""Names: the weighted words that names are drawn from, as tables of a thousand slots each.

Belongs here: reading lists/*.csv. Does not belong here: what is named with them (places.sql, people.sql,
businesses.sql).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.tables import quote_text

if TYPE_CHECKING:
    import duckdb

FOLDER = Path(__file__).parent / "lists"
SLOTS = 1000


def read_lists(con: duckdb.DuckDBPyConnection) -> None:
    """Each lists/<name>.csv as temp table list_<name>, and the slot_ tables that the draws look up.

    A name of weight 3 fills three times the slots of one of weight 1; a drawn slot is one equal join.
    """
    for path in sorted(FOLDER.glob("*.csv")):
        con.execute(
            f"create or replace temp table list_{path.stem} as from read_csv({quote_text(str(path))}, "
            "header = true, delim = ',', quote = '\"', escape = '\"', nullstr = '', all_varchar = true)"
        )
        columns = [str(r[0]) for r in con.execute(f"describe list_{path.stem}").fetchall()]
        for column in columns:
            if column in ("weight", "share", "household_size_factor", "born_from", "born_to"):
                con.execute(f"alter table list_{path.stem} alter {column} type double")
    con.execute(
        "create or replace temp table culture as select culture, share, "
        "(row_number() over (order by share desc, culture) - 1)::tinyint as culture_id from list_cultures"
    )
    words = "(select *, coalesce(weight, 1) as w from list_street_words where kind = '{}')"
    _slots(con, "slot_street_first", words.format("first"), [], "word as name")
    _slots(con, "slot_street_suffix", words.format("suffix"), [], "word as name")
    block = "(select *, 1.0 as w from list_building_names where not regexp_matches(name, 'Cottage|Forge|Barn|Old |Lodge'))"
    _slots(con, "slot_block_name", block, [], "name")
    _slots(con, "slot_farm_name", "(select *, 1.0 as w from list_farm_names)", [], "name")
    given = """(select c.culture_id as culture, case g.sex when 'f' then 1 else 0 end::tinyint as sex, x.generation,
            g.name, g.weight as w from list_given_names as g join culture as c using (culture)
            join (values (0, 1925), (1, 1950), (2, 1975), (3, 2000)) as x (generation, first)
                on g.born_from < x.first + 25 and g.born_to >= x.first)"""
    _slots(con, "slot_given", given, ["culture", "sex", "generation"], "name")
    family = """(select c.culture_id as culture, f.name, f.name_for_women, f.weight as w
            from list_family_names as f join culture as c using (culture))"""
    _slots(con, "slot_family", family, ["culture"], "name, name_for_women")
    company = "(select *, coalesce(weight, 1) as w from list_company_words where kind = '{}')"
    _slots(con, "slot_company_first", company.format("first"), ["trade"], "word as name")
    _slots(con, "slot_company_tail", company.format("tail"), [], "word")
    _slots(con, "slot_company_trade", company.format("trade"), ["trade"], "word")


def _slots(con: duckdb.DuckDBPyConnection, table: str, source: str, by: list[str], names: str) -> None:
    """SLOTS rows for each group of `by`, filled in proportion to w."""
    keys = "".join(f"{b}, " for b in by)
    partition = f"partition by {', '.join(by)}" if by else ""
    con.execute(
        f"""create or replace temp table {table} as
        with summed as (
            select {keys}{names},
                round({SLOTS} * sum(w) over ({partition} order by w desc, all_names rows unbounded preceding)
                    / sum(w) over ({partition}))::integer as upto,
                round({SLOTS} * (sum(w) over ({partition} order by w desc, all_names rows unbounded preceding) - w)
                    / sum(w) over ({partition}))::integer as since
            from (select *, {names.split(" as ")[0].split(",")[0]} as all_names from {source})
        )
        select {keys}{names.split(" as ")[-1]}, unnest(range(since, upto))::integer as slot from summed"""
    )
