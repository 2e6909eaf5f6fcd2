"""Compressed, and by choice encrypted: gzip (RFC 1952) inside age (https://age-encryption.org/v1).

Both are formats with tools of their own: ``age -d -i key.txt FILE | gunzip`` opens what is written here.
"""

import gzip
import io
import os
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

import pyrage

from vetika_kit.backup.errors import ArchiveError

_AGE: Final = b"age-encryption.org/v1\n"
_GZIP: Final = 16 + zlib.MAX_WBITS  # zlib's way to ask for gzip's header and checksum


class Reader(Protocol):
    """Whatever can be read once, from its beginning to its end."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes; none at the end."""


def recipients_of(texts: Sequence[str]) -> list[pyrage.x25519.Recipient]:
    """Read public keys (``age1…``).

    Raises:
        ArchiveError: One is none.
    """
    try:
        return [pyrage.x25519.Recipient.from_str(text) for text in texts]
    except pyrage.RecipientError as error:
        raise ArchiveError(f"a recipient is no age public key (age1…): {error}") from error


def identities_in(file: Path | None) -> list[pyrage.x25519.Identity]:
    """Read the private keys of a file as ``age-keygen`` writes it: one a line, comments begin with ``#``.

    Raises:
        ArchiveError: There is none in it, or it cannot be read.
    """
    if file is None:
        return []
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (OSError, UnicodeDecodeError, pyrage.IdentityError) as error:
        # Not the error's text: it could repeat a key.
        raise ArchiveError(
            f"the identity file {file} cannot be read as age's ({type(error).__name__})"
        ) from None
    if not found:
        raise ArchiveError(f"the identity file {file} holds no key (AGE-SECRET-KEY-1…)")
    return found


def seal(
    chunks: Iterable[bytes], into: IO[bytes], *, recipients: Sequence[pyrage.x25519.Recipient] = ()
) -> None:
    """Compress, encrypt where there are recipients, and write; a chunk at a time.

    Raises:
        OSError: It could not be written.
    """
    compressed = _compressed(chunks)
    if not recipients:
        into.writelines(compressed)
        return
    source = _Chunks(compressed)
    try:
        pyrage.encrypt_io(source, into, recipients)
    except pyrage.EncryptError:
        if source.failure is not None:  # what failed is what was to be encrypted
            raise source.failure from None
        raise


@contextmanager
def opened(
    source: io.BufferedReader, *, identities: Sequence[pyrage.x25519.Identity] = ()
) -> Iterator[Reader]:
    """Read what was sealed, as it was before; encrypted or not shows at its first bytes.

    Raises:
        ArchiveError: It is torn or damaged, or none of the identities opens it.
    """
    encrypted = source.peek(len(_AGE))[: len(_AGE)] == _AGE
    if not encrypted:
        yield _Unzipped(source)
        return
    if not identities:
        raise ArchiveError("it is encrypted: name the file with your age identity (--identity)")
    with _Decryption(source, identities) as plain:
        yield _Unzipped(plain)


def sealed(data: bytes, *, recipients: Sequence[pyrage.x25519.Recipient] = ()) -> bytes:
    """Seal one small piece, which fits into memory."""
    into = io.BytesIO()
    seal([data], into, recipients=recipients)
    return into.getvalue()


def unsealed(data: bytes, *, identities: Sequence[pyrage.x25519.Identity] = ()) -> bytes:
    """Open what `sealed` made.

    Raises:
        ArchiveError: As `opened`.
    """
    with opened(io.BufferedReader(io.BytesIO(data)), identities=identities) as source:
        return source.read()


def _compressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    compressor = zlib.compressobj(wbits=_GZIP)
    for chunk in chunks:
        if packed := compressor.compress(chunk):
            yield packed
    yield compressor.flush()


class _Chunks(io.RawIOBase):
    """An iterator of bytes as something that can be read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""
        self.failure: Exception | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            while not self._left:
                self._left = next(self._chunks)
        except StopIteration:
            return b""
        except Exception as error:
            self.failure = error
            raise
        size = len(self._left) if size < 0 else size
        taken, self._left = self._left[:size], self._left[size:]
        return taken


class _Unzipped:
    """gzip's reader, whose complaints become ours."""

    def __init__(self, source: io.BufferedReader) -> None:
        self._source = gzip.GzipFile(fileobj=source, mode="rb")

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self._source.read(size)
        except EOFError as error:
            raise ArchiveError("it is torn: its end is missing") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise ArchiveError(f"it is damaged or no archive of ours ({error})") from error


class _Decryption:
    """Decrypts in a thread of its own: the library pushes, and a reader pulls."""

    def __init__(self, source: io.BufferedReader, identities: Sequence[pyrage.x25519.Identity]) -> None:
        self._source = source
        self._identities = list(identities)
        self._failure: Exception | None = None
        reading, writing = os.pipe()
        self._reader = os.fdopen(reading, "rb")
        self._writer = os.fdopen(writing, "wb", buffering=0)
        self._thread = threading.Thread(target=self._run, name="decryption", daemon=True)

    def _run(self) -> None:
        try:
            pyrage.decrypt_io(self._source, self._writer, self._identities)
        except Exception as error:  # noqa: BLE001 - told where the block ends
            self._failure = error
        finally:
            self._writer.close()

    def __enter__(self) -> io.BufferedReader:
        self._thread.start()
        return self._reader

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._reader.close()  # where the reader has enough, the writer's next word fails and ends it
        self._thread.join()
        failure = self._failure
        if failure is None or (kind is not None and not isinstance(error, ArchiveError)):
            return
        if kind is None and isinstance(failure, BrokenPipeError):
            return
        if isinstance(failure, pyrage.DecryptError) and "matching" in str(failure):
            raise ArchiveError("it is encrypted for others: none of the identities opens it") from failure
        if kind is None or not isinstance(failure, BrokenPipeError):
            raise ArchiveError("it is torn or damaged: it cannot be decrypted to its end") from failure
