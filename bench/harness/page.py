"""Tables into a page of Markdown, each between <!-- figures of NAME --> and <!-- end -->."""

import json
import re

from harness.command import benchmark
from harness.programs import Failed


def machine_lines(document):
    return "\n".join(["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in document["machine"].items())])


def moved(document):
    """What the hypervisor did meanwhile, if it did anything."""
    processors = document["processors"]
    if not processors["taken_again"]:
        return ""
    kept = f", {processors['apart']} of them to no avail" if processors["apart"] else ""
    return f" {processors['taken_again']} samples were taken again, the processors being far apart{kept}."


def figures(document):
    head = (f"{document['machine']['processor']}, {document['when']}; medians of {document['repetitions']} runs of {document['seconds']:g} s each, in turns; "
            f"congestion control {document['congestion']}.{moved(document)}")
    return "\n\n".join([head, *(table.markdown() for table in benchmark(document["benchmark"]).tables(document))])


def put(page, name, text):
    place = re.compile(rf"(<!-- figures of {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not place.search(page):
        raise Failed(f"the page has no place for the figures of {name}")
    return place.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", page)


def fill(path, folder):
    documents = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    if not documents:
        raise Failed(f"{folder} has no figures: bench/all makes them")
    page = put(path.read_text(), "machine", machine_lines(documents[0]))
    for document in documents:
        page = put(page, document["benchmark"], figures(document))
    path.write_text(page)
