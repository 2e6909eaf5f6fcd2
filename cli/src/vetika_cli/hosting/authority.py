"""The coalition's certificate authority: it signs the servers' certificates, and can be replaced in use.

Its private keys lie in a folder that belongs to no organization. While the authority changes, everybody
trusts the old and the new one: first all get both (`prepared`), then the servers' certificates come from
the new one (`switched`), then the old one is forgotten (`retired`).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vetika_cli.errors import UserError
from vetika_cli.hosting.files import Wanted

LIFE_OF_AUTHORITY: Final = timedelta(days=3650)
LIFE_OF_SERVER: Final = timedelta(days=397)  # the longest that browsers accept
_EARLIER: Final = timedelta(minutes=5)  # clocks differ
_STATE: Final = Path("authority.json")


@dataclass(frozen=True, kw_only=True, repr=False)
class Signer:
    """One key that signs, or is to sign, or did."""

    number: int
    key: str  # PEM
    certificate: str  # PEM


@dataclass(frozen=True, kw_only=True)
class Authority:
    """All signers that are trusted now; one of them signs."""

    signers: Sequence[Signer]
    signs: int  # its number

    @classmethod
    def new(cls, *, coalition: str, now: datetime) -> Self:
        """Make the first one of a coalition."""
        return cls(signers=(_signer(1, coalition=coalition, now=now),), signs=1)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return what lies in a folder, if anything does."""
        try:
            state = json.loads((folder / _STATE).read_text("utf-8"))
        except FileNotFoundError:
            return None
        return cls(
            signers=tuple(
                Signer(
                    number=number,
                    key=(folder / f"authority-{number}.key").read_text("ascii"),
                    certificate=(folder / f"authority-{number}.pem").read_text("ascii"),
                )
                for number in state["trusted"]
            ),
            signs=state["signs"],
        )

    def files(self) -> dict[Path, Wanted]:
        """Return what is to lie in its folder."""
        state = {"signs": self.signs, "trusted": [one.number for one in self.signers]}
        files = {_STATE: Wanted(text=json.dumps(state, indent=2) + "\n")}
        for one in self.signers:
            files[Path(f"authority-{one.number}.key")] = Wanted(text=one.key, secret=True)
            files[Path(f"authority-{one.number}.pem")] = Wanted(text=one.certificate)
        return files

    @property
    def trusted(self) -> str:
        """The certificates that everybody trusts now, as PEM; two while the authority changes."""
        return "".join(one.certificate for one in self.signers)

    def prepared(self, *, coalition: str, now: datetime) -> Self:
        """Return it with the next signer, trusted but signing nothing yet; UserError within a change."""
        if len(self.signers) > 1:
            raise UserError("The authority is being changed already: go on with `switch` or `retire`.")
        following = _signer(self.signs + 1, coalition=coalition, now=now)
        return replace(self, signers=(*self.signers, following))

    def switched(self) -> Self:
        """Return it with the next one signing; UserError when there is no next one."""
        following = max(one.number for one in self.signers)
        if following == self.signs:
            raise UserError(
                "There is no next authority: `prepare` makes it, and everybody must trust it first."
            )
        return replace(self, signs=following)

    def retired(self) -> Self:
        """Return it with the one that signs alone; UserError when there is no former one."""
        left = tuple(one for one in self.signers if one.number >= self.signs)
        if len(left) == len(self.signers):
            raise UserError("There is no former authority: one can be retired after `prepare` and `switch`.")
        return replace(self, signers=left)

    def issue(self, *names: str, now: datetime, life: timedelta = LIFE_OF_SERVER) -> str:
        """Return a new private key and its certificate for a server's host names or addresses, as PEM."""
        signer = next(one for one in self.signers if one.number == self.signs)
        issuer = x509.load_pem_x509_certificate(signer.certificate.encode())
        issuing_key = _key(signer.key)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _certificate(_name(names[0]), issuer=issuer.subject, key=key, now=now, life=life, signs=False)
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing_key.public_key()), critical=False
            )
            .sign(issuing_key, hashes.SHA256())
        )
        return _pem(key) + certificate.public_bytes(Encoding.PEM).decode()


def is_for(pem: str, *, names: Sequence[str]) -> bool:
    """Whether a server's key and certificate are for exactly these host names and addresses."""
    found = x509.load_pem_x509_certificate(pem.encode())
    covered = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(one.value) for one in covered} == set(names)


def ends(pem: str) -> datetime:
    """Return until when the first certificate of a PEM text is good (aware, UTC)."""
    return x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc


def parts_of(pem: str) -> tuple[str, str]:
    """Return the private key, and the certificates, of a PEM text that has them in any order."""
    blocks = re.findall(r"-----BEGIN [A-Z ]+-----\n.*?-----END [A-Z ]+-----\n", pem, re.DOTALL)
    keys = [block for block in blocks if "PRIVATE KEY-----" in block]
    return "".join(keys), "".join(block for block in blocks if block not in keys)


def _signer(number: int, *, coalition: str, now: datetime) -> Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Vetika {coalition} authority {number}")
    certificate = _certificate(name, issuer=name, key=key, now=now, life=LIFE_OF_AUTHORITY, signs=True).sign(
        key, hashes.SHA256()
    )
    return Signer(number=number, key=_pem(key), certificate=certificate.public_bytes(Encoding.PEM).decode())


def _certificate(
    name: x509.Name,
    *,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    life: timedelta,
    signs: bool,
) -> x509.CertificateBuilder:
    """Begin a certificate after RFC 5280: what those of authorities and of servers have in common."""
    return (
        x509.CertificateBuilder(issuer_name=issuer, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + life)
        .add_extension(x509.BasicConstraints(ca=signs, path_length=0 if signs else None), critical=True)
        .add_extension(_usage(signs=signs), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])  # the longest that X.520 allows


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key(pem: str) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise UserError("The authority's key is none that `./vetika hosting render` made.")
    return key


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
