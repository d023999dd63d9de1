"""How often each kind of dirt occurs in real files: every measured rate of city_platform/synthetic/dirt.yaml, made again.

    .venv/bin/python benchmarks/dirt_rates.py --data ../shared/data

Prints one line a measurement: hits, out of how many, the rate, and the rate that dirt.yaml uses for the kind (a kind can be
measured in several ways; its source in dirt.yaml says which one it uses). Only rates leave the files, never a value.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import duckdb
import yaml

DIRT = Path(__file__).parents[1] / "city_platform" / "synthetic" / "dirt.yaml"
POSTCODE = r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}"
SHORT = dict(RD="ROAD", ST="STREET", AVE="AVENUE", LN="LANE", DR="DRIVE", GDNS="GARDENS", CRES="CRESCENT")
FLAT = dict(
    flat_after_number=r"\d+([A-Z]\b|/\d)",
    flat_as_word=r".*\b(FLAT|APARTMENT)\b",
    flat_short=r"(F|FL|FLT) ?\d",
)
Measured = tuple[str, str, int, int]  # kind, what was measured, hits, out of
COMPANY = r"\b(LTD|LIMITED|PLC|LLP)\b"

# FEBRL 4: each person in file a has one damaged copy in file b with the same number in rec_id; typo: 1-2 edits, an exchange is one.
PREPARE = r"""
create macro typo(x, y) as x <> y and damerau_levenshtein(x, y) <= 2;
create macro bare(x) as upper(regexp_replace(x, '[^A-Za-z0-9]+', '', 'g'));
create macro house(x) as regexp_extract(x, '^\d+');
create macro sent(path) as table from read_csv(path, all_varchar = true, nullstr = '\N', normalize_names = true);
create view a as select regexp_extract(rec_id, '\d+') k, trim(columns(* exclude rec_id)) from sent('{data}/benchmarks/febrl_dataset4a.csv');
create view b as select regexp_extract(rec_id, '\d+') k, trim(columns(* exclude rec_id)) from sent('{data}/benchmarks/febrl_dataset4b.csv');
create table person as select a.given_name g, b.given_name g2, a.surname s, b.surname s2, a.date_of_birth d, b.date_of_birth d2,
    a.address_1 st, b.address_1 st2 from a join b using (k);
create view name_value as select g v, g2 v2 from person where g <> '' and g2 <> '' union all select s, s2 from person where s <> '' and s2 <> '';
create view licence as from sent('{data}/chicago/business_licenses.csv') where house(address) <> ''
    qualify row_number() over (partition by license_number order by id) = 1;
create table pair as select distinct i.license_, i.facility_type ilike '%school%' school, bare(i.dba_name) name_i,
    bare(l.doing_business_as_name) trading, bare(l.legal_name) legal, i.zip zip_i, l.zip_code zip_l, house(i.address) house_i,
    house(l.address) house_l from sent('{data}/chicago/food_inspections.csv') i join licence l on l.license_number = i.license_;
create view visited as select distinct v.license, trim(regexp_extract(upper(v.address), '^\d+ [NSEW] ([A-Z ]+?) (ST|AVE|BLVD|RD|PL|DR|PKWY|HWY)\b', 1)) street_v,
    trim(regexp_extract(upper(l.address), '^\d+ [NSEW] ([A-Z ]+?) (ST|AVE|BLVD|RD|PL|DR|PKWY|HWY)\b', 1)) street_l
    from sent('{data}/chicago/sanitarian_visits.csv') v join licence l on l.license_number = v.license
    where house(v.address) = house(l.address) and street_v <> '' and street_l <> '';
create view sample as from read_parquet('{data}/benchmarks/*.parquet');
"""

# kind ~ what is measured ~ what counts as a hit ~ among which rows
MEASURES = r"""
misspelt_name ~ FEBRL: given or family name 1-2 edits from the original ~ typo(v, v2) ~ name_value
swapped_names ~ FEBRL: given and family name exchanged ~ g = s2 and s = g2 and g <> s ~ person where g <> '' and s <> ''
initial_only ~ FEBRL: given name cut to a letter ~ len(g2) = 1 ~ person where len(g) > 1 and g2 <> ''
missing_birth_date ~ FEBRL: copy without a birth date ~ d2 = '' ~ person
default_birth_date ~ FEBRL: 1 January 1900 or 1970 ~ d2 in ('19000101', '19700101') ~ person where d2 <> ''
birth_date_typo ~ FEBRL: a digit wrong, neighbours or day and month exchanged ~ d <> d2 and (damerau_levenshtein(d, d2) = 1 or d[:4] || d[7:] || d[5:6] = d2) ~ person where d <> '' and d2 <> ''
misspelt_street ~ FEBRL: address line 1-2 edits from the original ~ typo(st, st2) ~ person where st <> '' and st2 <> ''
wrong_postcode ~ Chicago: same licence and house number, other zip ~ zip_i <> zip_l ~ pair where house_i = house_l
wrong_cross_reference ~ Chicago: licence number leads to another house number (no schools) ~ house_i <> house_l ~ pair where not school
trading_name_as_legal ~ Chicago: inspected under the legal, not the trading name ~ name_i <> trading and name_i = legal ~ pair where house_i = house_l
misspelt_business ~ Chicago: inspected name 1-2 edits from the licence's ~ levenshtein(name_i, trading) between 1 and 2 ~ pair where house_i = house_l
misspelt_street ~ rates: street one edit from a commoner one of the same postcode ~ exists (from street o where o.postcode = s.postcode and o.n > s.n and damerau_levenshtein(o.name, s.name) = 1) ~ street s, range(s.n)
misspelt_street ~ Chicago: visited street 1-2 edits from the licence's, same licence and house number ~ typo(street_v, street_l) ~ visited
abbreviated_street ~ Companies House and FHRS samples: RD, of RD or ROAD ~ regexp_matches(address_concat, '\bRD\b') ~ sample where regexp_matches(address_concat, '\b(RD|ROAD)\b')
"""


def rows(path: Path) -> list[list[str]]:
    """The records of a CSV file after its header, blank lines kept; CR alone ends a line too."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    text = text if "\n" in text else text.replace("\r", "\n")
    return list(csv.reader(io.StringIO(text, newline="")))[1:]


def upper(path: Path) -> list[list[str]]:
    return [[v.strip().upper() for v in r] for r in rows(path)]


def again(values: Iterable[object]) -> int:
    seen = [tuple(v) if isinstance(v, list) else v for v in values]
    return len(seen) - len(set(seen))


def counted(data: Path, con: duckdb.DuckDBPyConnection) -> list[Measured]:
    """What is easier counted line by line; columns by position, as the files send them."""
    west, bench = data / "west_yorkshire", data / "benchmarks"
    found: list[Measured] = []

    def share(kind: str, what: str, hits: Iterable[bool]) -> None:
        seen = list(hits)
        found.append((kind, what, sum(seen), len(seen)))

    payers, places = {}, []
    for council, payer, address in (("wakefield", 1, 2), ("bradford", 1, 2), ("calderdale", 5, 1)):
        sent = upper(west / f"business_rates_{council}.csv")
        payers[council] = [r[payer] for r in sent]
        places += [(r[address], r[address + 1]) for r in sent]
    pattern = re.compile(r"((?:[A-Z']{3,}|ST) ?(?:[A-Z']+ )*(?:ROAD|STREET|LANE|AVENUE|DRIVE))(?=,|$)")
    street = Counter((postcode, name) for text, postcode in places for name in pattern.findall(text))
    columns = [[p for p, _ in street], [n for _, n in street], list(street.values())]
    con.execute("create table street as select unnest(?) postcode, unnest(?) as name, unnest(?) n", columns)
    wakefield, others = payers["wakefield"], payers["bradford"] + payers["calderdale"]
    share("placeholder_name", "Wakefield: THE ACCOUNT HOLDER", (n == "THE ACCOUNT HOLDER" for n in wakefield))
    share("placeholder_name", "Bradford and Calderdale: ratepayer blank", (not n for n in others))
    forms = [w for n in wakefield + others for w in set(re.findall(r"\b(LTD|LIMITED)\b", n))]
    share("legal_form_variant", "rates: LTD, of LTD or LIMITED", (w == "LTD" for w in forms))
    share(
        "wrong_postcode",
        "rates: not shaped like a postcode",
        (not re.fullmatch(POSTCODE, p) for _, p in places),
    )
    share("missing_postcode", "rates: blank", (not p for _, p in places))

    hmo = [r[1] for r in upper(bench / "hmo_register_oxford.csv")]
    share("missing_postcode", "Oxford HMO register", (not re.search(POSTCODE + "$", a) for a in hmo))
    norwich = (bench / "fhrs_norwich_2026.xml").read_text(encoding="utf-8").split("<EstablishmentDetail>")[1:]
    share("missing_postcode", "FHRS Norwich (homes are withheld)", ("<PostCode>" not in e for e in norwich))
    flats = [next((k for k, p in FLAT.items() if re.match(p, a)), None) for a in hmo]
    for kind in FLAT:
        share(kind, "Oxford HMO register: of the locations with a flat", (f == kind for f in flats if f))

    eat = rows(west / "eat_out_to_help_out_2020-07-31.csv")
    ends = [word for r in eat for v in r[1:3] for word in v.upper().replace(".", "").split()[-1:]]
    words = (w in SHORT for w in ends if w in SHORT or w in SHORT.values())
    share("abbreviated_street", "Eat Out: address lines that end in RD, ST, AVE ...", words)
    paid = {(r[7], r[8]) for r in upper(west / "council_spending_calderdale.csv.gz")}
    numbered = {n for n, number in paid if number}
    company = {n for n, _ in paid if re.search(COMPANY, n)}
    share("missing_company_number", "Calderdale: suppliers", (n not in numbered for n in company))
    months: list[bool] = []
    for council, at in {"wakefield": 0, "bradford": 4, "calderdale": 2}.items():
        dates = [r[at] for r in rows(west / f"council_spending_{council}.csv.gz") if r and r[at]]
        full = Counter((int(d[:4]), int(d[5:7])) for d in dates)
        first, *_, last = sorted(m for m in full if full[m] >= 1000)
        months += [
            full[y, m] < 1000 for y in range(2019, 2023) for m in range(1, 13) if first <= (y, m) <= last
        ]
    share("lost", "spending: months with under 1,000 lines between fuller ones", months)

    visits, complaints = (
        rows(data / "chicago" / f) for f in ("sanitarian_visits.csv", "sanitation_complaints.csv.gz")
    )
    loose = [tuple(re.sub(r"[^A-Z0-9]", "", r[i].upper()) for i in (0, 5)) for r in eat]
    exact = [again(visits), again(eat), again(complaints)]
    near = [again(loose) - exact[1], again([r[3] for r in complaints]) - exact[2]]
    total = len(eat) + len(complaints)
    found.append(
        ("exact_repeat", f"visits, Eat Out, complaints: whole row {exact}", sum(exact), total + len(visits))
    )
    found.append(("near_repeat", f"Eat Out: name and postcode, complaints: number {near}", sum(near), total))
    files = sorted(data.glob("*/*.csv*"))
    share("blank_line", "all CSV files", (not any(v.strip() for v in r) for f in files for r in rows(f)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    if not data.is_dir():
        print(f"Skipped: there is no folder {data}, and the rates can be measured in the real files only.")
        return
    used = yaml.safe_load(DIRT.read_text(encoding="utf-8")) if DIRT.exists() else {}
    con = duckdb.connect()
    con.execute(PREPARE.replace("{data}", str(data)))
    found = counted(data, con)
    for kind, what, hit, among in (m.split(" ~ ") for m in MEASURES.strip().splitlines()):
        hits, total = con.execute(f"select count(*) filter ({hit}), count(*) from {among}").fetchall()[0]
        found.append((kind, what, hits, total))
    print(f"{'kind':<23}{'hits':>8}{'of':>9}{'rate':>10}{'used':>9}  measured")
    for kind, what, hits, total in sorted(found):
        rate = f"{used[kind]['rate']:g}" if kind in used else "-"
        print(f"{kind:<23}{hits:>8,}{total:>9,}{hits / total:>10.6f}{rate:>9}  {what}")
    assumed = [k for k, v in used.items() if v["source"].startswith("assumed")]
    print("Assumed, not measured:", ", ".join(assumed))


if __name__ == "__main__":
    main()
