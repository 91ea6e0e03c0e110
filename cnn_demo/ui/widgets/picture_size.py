"""The size of a picture in words."""


def rows_and_columns(size: tuple[int, int]) -> str:
    """Return the size of a picture in words.

    Args:
        size: (height, width).

    Example:
        >>> rows_and_columns((1, 1280))
        '1 row × 1,280 columns'
    """
    return " × ".join(
        f"{count:,} {name if count == 1 else f'{name}s'}" for count, name in zip(size, ("row", "column"), strict=True)
    )
