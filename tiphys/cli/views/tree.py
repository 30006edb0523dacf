"""A resource tree as indented lines: who made whom, and how each is."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from tiphys.cli.columns import Table
from tiphys.cli.replies import Node, ResourceTree

Children = Mapping[str, Sequence[Node]]

# What a pod asks for, in thousandths of cores and bytes, as Argo CD counts it.
FOR_PROGRAMS = frozenset({"cpu", "memory"})


def tree_lines(title: str, tree: ResourceTree) -> list[str]:
    uids = {node.uid for node in tree.nodes}
    children: dict[str, list[Node]] = defaultdict(list)
    roots: list[Node] = []
    for node in sorted(tree.nodes, key=_by_name):
        parents = [parent.uid for parent in node.parent_refs if parent.uid in uids]
        if not parents:
            roots.append(node)
        for parent in parents:
            children[parent].append(node)
    return [title, *_branch(roots, children, "", frozenset())]


def _branch(nodes: Sequence[Node], children: Children, indent: str, above: frozenset[str]) -> Iterator[str]:
    """`above` ends owner references that go round in a circle."""
    for place, node in enumerate(nodes):
        last = place == len(nodes) - 1
        yield f"{indent}{'└─' if last else '├─'} {_words(node)}"
        if node.uid not in above:
            below = indent + ("   " if last else "│  ")
            yield from _branch(children.get(node.uid, ()), children, below, above | {node.uid})


def _by_name(node: Node) -> tuple[str, str, str]:
    return node.kind, node.namespace, node.name


def _words(node: Node) -> str:
    health = " ".join(filter(None, (node.health.status, node.health.message)))
    info = ", ".join(each.value for each in node.info if each.name not in FOR_PROGRAMS)
    return "  ".join(filter(None, (f"{node.kind}/{node.name}", health, info and f"({info})")))


def node_table(tree: ResourceTree) -> Table:
    rows = [
        (node.group, node.kind, node.namespace, node.name, node.health.status, node.health.message, orphaned)
        for nodes, orphaned in ((tree.nodes, "no"), (tree.orphaned_nodes, "yes"))
        for node in sorted(nodes, key=_by_name)
    ]
    return Table(
        ("GROUP", "KIND", "NAMESPACE", "NAME", "HEALTH", "MESSAGE", "ORPHANED"),
        rows,
        ("GROUP", "ORPHANED", "NAMESPACE"),
    )
