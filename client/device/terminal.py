"""What a terminal is shown of texts that others wrote: characters, nothing that moves the cursor or turns lines."""


def shown(text: str) -> str:
    """Replace what is not printed, but for line ends: a notice or title can neither hide nor overwrite a word.

    >>> shown("harmless\\x1b[2K\\x1b[1A\\u202egnihton")
    'harmless�[2K�[1A�gnihton'
    """
    return "".join(letter if letter == "\n" or letter.isprintable() else "\ufffd" for letter in text)
