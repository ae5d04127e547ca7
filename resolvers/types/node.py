import strawberry


@strawberry.interface(description="Anything with a permanent id of its own.")
class Node:
    @strawberry.field(description="Permanent and opaque; `node(id:)` finds the object again.")
    def id(self) -> strawberry.ID:
        raise NotImplementedError
