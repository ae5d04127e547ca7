"""Null where there must be none, and how far it reaches."""

from cases.model import Case, Error, World, fails, fails_later, later, no_null, schema_of

HOUSE = schema_of("""
    type Query { free: Room must: Room! rooms: [Room] sure: [Room!] all: [Room!]! text: String hard: String! }
    type Room {
      free: String hard: String! slow: String! room: Room must: Room! rooms: [Room!] all: [Room!]! sizes: [Int!]!
    }
""")


def house():
    return {
        "free": room(),
        "must": room(),
        "rooms": [room(), room()],
        "sure": [room()],
        "all": [room()],
        "text": "t",
        "hard": "h",
    }


def room(depth=3, **others):
    found = {"free": "free", "hard": "hard", "slow": later("slow"), "sizes": [1, 2]}
    if depth:
        found |= {"room": room(depth - 1), "must": room(depth - 1), "rooms": [room(depth - 1)], "all": []}
    return found | others


CASES = (
    Case(
        "a nullable null",
        "{ free { free hard } }",
        {"free": {"free": None, "hard": "hard"}},
        root={"free": room(free=None)},
    ),
    Case(
        "a nullable null that comes later",
        "{ free { free } }",
        {"free": {"free": None}},
        root={"free": room(free=later(None))},
    ),
    Case(
        "a nullable failure",
        "{ free { free hard } }",
        {"free": {"free": None, "hard": "hard"}},
        (Error(("free", "free"), "gone", ((1, 10),)),),
        root={"free": room(free=fails("gone"))},
    ),
    Case(
        "a nullable failure that comes later",
        "{ free { free hard } }",
        {"free": {"free": None, "hard": "hard"}},
        (Error(("free", "free"), "gone"),),
        root={"free": room(free=fails_later("gone"))},
    ),
    Case(
        "a required null takes its object",
        "{ free { free hard } text }",
        {"free": None, "text": "t"},
        (no_null(("free", "hard"), "Room.hard", (1, 15)),),
        root={"free": room(hard=None), "text": "t"},
    ),
    Case(
        "a required null that comes later",
        "{ free { slow free } }",
        {"free": None},
        (no_null(("free", "slow"), "Room.slow"),),
        root={"free": room(slow=later(None))},
    ),
    Case(
        "a required failure takes its object",
        "{ free { hard } text }",
        {"free": None, "text": "t"},
        (Error(("free", "hard"), "gone"),),
        root={"free": room(hard=fails("gone")), "text": "t"},
    ),
    Case(
        "a required failure that comes later",
        "{ free { slow } text }",
        {"free": None, "text": "t"},
        (Error(("free", "slow"), "gone"),),
        root={"free": room(slow=fails_later("gone")), "text": "t"},
    ),
    Case(
        "a required null under another name",
        "{ a: free { b: hard } }",
        {"a": None},
        (no_null(("a", "b"), "Room.hard"),),
        root={"free": room(hard=None)},
    ),
    Case(
        "a long chain of what is required",
        "{ free { must { must { hard } } } text }",
        {"free": None, "text": "t"},
        (no_null(("free", "must", "must", "hard"), "Room.hard"),),
        root={"free": room(must=room(must=room(hard=None))), "text": "t"},
    ),
    Case(
        "the nearest that may be null takes it",
        "{ must { room { must { hard } } free } }",
        {"must": {"room": None, "free": "free"}},
        (no_null(("must", "room", "must", "hard"), "Room.hard"),),
        root={"must": room(room=room(must=room(hard=None)))},
    ),
    Case(
        "a required object that is null",
        "{ free { must { free } } }",
        {"free": None},
        (no_null(("free", "must"), "Room.must"),),
        root={"free": room(must=None)},
    ),
    Case(
        "a required null at the root",
        "{ text hard }",
        None,
        (no_null(("hard",), "Query.hard", (1, 8)),),
        root={"text": "t"},
    ),
    Case("a required failure at the root", "{ hard }", None, (Error(("hard",), "gone"),), root={"hard": fails("gone")}),
    Case(
        "a required failure at the root that comes later",
        "{ hard text }",
        None,
        (Error(("hard",), "gone"),),
        root={"hard": fails_later("gone")},
    ),
    Case(
        "a chain up to the root",
        "{ must { must { hard } } }",
        None,
        (no_null(("must", "must", "hard"), "Room.hard"),),
        root={"must": room(must=room(hard=None))},
    ),
    Case(
        "an element of a nullable list",
        "{ rooms { hard } }",
        {"rooms": [{"hard": "hard"}, None]},
        (no_null(("rooms", 1, "hard"), "Room.hard"),),
        root={"rooms": [room(), room(hard=None)]},
    ),
    Case(
        "a required element takes its list",
        "{ sure { hard } text }",
        {"sure": None, "text": "t"},
        (no_null(("sure", 1, "hard"), "Room.hard"),),
        root={"sure": [room(), room(hard=None)], "text": "t"},
    ),
    Case(
        "a required element takes its required list and the root",
        "{ all { hard } text }",
        None,
        (no_null(("all", 0, "hard"), "Room.hard"),),
        root={"all": [room(hard=None)], "text": "t"},
    ),
    Case(
        "several elements fail, each with its place",
        "{ rooms { hard } }",
        {"rooms": [None, {"hard": "hard"}, None, None]},
        (
            Error(("rooms", 0, "hard"), "one"),
            Error(("rooms", 2, "hard"), "two"),
            no_null(("rooms", 3, "hard"), "Room.hard"),
        ),
        root={"rooms": [room(hard=fails("one")), room(), room(hard=fails_later("two")), room(hard=None)]},
    ),
    Case(
        "lists below lists",
        "{ rooms { rooms { hard } free } }",
        {"rooms": [{"rooms": None, "free": "free"}, {"rooms": [{"hard": "hard"}], "free": "free"}]},
        (no_null(("rooms", 0, "rooms", 1, "hard"), "Room.hard"),),
        root={"rooms": [room(rooms=[room(), room(hard=None)]), room()]},
    ),
    Case(
        "an outer list of required ones whose inner list failed",
        "{ rooms { all { hard } } }",
        {"rooms": [{"all": []}, None]},
        (no_null(("rooms", 1, "all", 0, "hard"), "Room.hard"),),
        root={"rooms": [room(all=[]), room(all=[room(hard=None)])]},
    ),
    Case(
        "a leaf within a required list",
        "{ free { sizes } }",
        {"free": None},
        (no_null(("free", "sizes", 1), "Room.sizes"),),
        root={"free": room(sizes=[1, None, 3])},
    ),
    Case(
        "two siblings fail, of which one may be named",
        "{ free { hard slow } text }",
        {"free": None, "text": "t"},
        (Error(("free", "hard"), "first"),),
        root={"free": room(hard=fails("first"), slow=fails_later("second")), "text": "t"},
        either=True,
    ),
    Case(
        "a nullable sibling of a lost one",
        "{ free { free hard } }",
        {"free": None},
        (Error(("free", "free"), "told too"), no_null(("free", "hard"), "Room.hard")),
        root={"free": room(free=fails("told too"), hard=None)},
    ),
    Case(
        "two places are lost for two reasons",
        "{ free { hard } rooms { hard } }",
        {"free": None, "rooms": [None]},
        (no_null(("free", "hard"), "Room.hard"), Error(("rooms", 0, "hard"), "gone")),
        root={"free": room(hard=None), "rooms": [room(hard=fails("gone"))]},
    ),
    Case(
        "one object at two places is lost at both",
        "{ a: free { hard } b: free { hard } }",
        {"a": None, "b": None},
        (no_null(("a", "hard"), "Room.hard"), no_null(("b", "hard"), "Room.hard")),
        root={"free": room(hard=None)},
    ),
    Case(
        "what is required is not asked for",
        "{ free { free } }",
        {"free": {"free": "free"}},
        root={"free": room(hard=None)},
    ),
    Case(
        "all is well",
        "{ free { hard slow sizes rooms { hard } } must { slow } sure { hard } all { slow } }",
        {
            "free": {"hard": "hard", "slow": "slow", "sizes": [1, 2], "rooms": [{"hard": "hard"}]},
            "must": {"slow": "slow"},
            "sure": [{"hard": "hard"}],
            "all": [{"slow": "slow"}],
        },
    ),
)

WORLDS = (World("nulls", HOUSE, house, CASES),)
