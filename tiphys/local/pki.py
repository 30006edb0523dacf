"""The certificates the three services show each other: one private CA, one certificate per service.

Each says which service its holder is, and whether that service answers calls, makes them, or both. They are made
anew when little of their time is left or when they say less than is asked today, so an installation never wakes
up to find its services strangers to each other.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from adapters.tls import identity
from tiphys.local.layout import write_private

_SERVES, _CALLS = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
# A certificate that may not call opens no RPC, whatever it says.
USES: Mapping[str, Sequence[x509.ObjectIdentifier]] = {
    "repo_server": (_SERVES,),
    "app_controller": (_SERVES, _CALLS),
    "api_server": (_CALLS,),
}
Wanted = tuple[x509.SubjectAlternativeName, x509.ExtendedKeyUsage]

LIFETIME = timedelta(days=365)
RENEW_BEFORE = timedelta(days=60)
_EARLIER = timedelta(minutes=5)  # clocks differ


def ensure(folder: Path, now: datetime, *, uses: Mapping[str, Sequence[x509.ObjectIdentifier]] = USES) -> None:
    """A folder per service with ca.crt, tls.crt and tls.key; nothing is touched that is still good for a while."""
    if all(_good(folder / service / "tls.crt", _extensions(service, uses), now) for service in uses):
        return
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _authority(authority_key, now)
    for service in uses:
        key = ec.generate_private_key(ec.SECP256R1())
        home = folder / service
        write_private(home / "ca.crt", _pem(authority))
        write_private(home / "tls.key", _key_pem(key))
        write_private(home / "tls.crt", _pem(_leaf(key, _extensions(service, uses), authority, authority_key, now)))
    # The CA's key is not kept: nobody can make a fourth member of the trio later.


def _good(file: Path, wanted: Wanted, now: datetime) -> bool:
    if not file.exists():
        return False
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    if certificate.not_valid_after_utc - now <= RENEW_BEFORE:
        return False
    return all(certificate.extensions.get_extension_for_class(type(each)).value == each for each in wanted)


def _extensions(service: str, uses: Mapping[str, Sequence[x509.ObjectIdentifier]]) -> Wanted:
    """Whom a client must find at the other end, whom a server must, and what the holder may do."""
    host = service.replace("_", "-")
    names = [x509.DNSName(host), x509.UniformResourceIdentifier(identity(host))]
    return x509.SubjectAlternativeName(names), x509.ExtendedKeyUsage(uses[service])


def _authority(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tiphys internal CA")])
    usage = _usage(signs_certificates=True)
    return (
        _builder(name, name, key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    key: ec.EllipticCurvePrivateKey,
    wanted: Wanted,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    names, uses = wanted
    [host] = names.get_values_for_type(x509.DNSName)
    return (
        _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), authority.subject, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(uses, critical=False)
        .add_extension(names, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + LIFETIME)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
