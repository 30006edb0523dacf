"""Our values as protobuf messages of the repo server, and back."""

import msgspec

from adapters._pb.tiphys.repo.v1 import repo_pb2 as pb
from gitops.model.errors import InvalidRequest
from gitops.model.repository import Repository, RepositoryCredentials

_credentials = msgspec.json.Decoder(RepositoryCredentials)
_NO_CREDENTIALS = RepositoryCredentials()


def repository_message(repository: Repository) -> pb.Repository:
    credentials = repository.credentials
    encoded = b"" if credentials == _NO_CREDENTIALS else msgspec.json.encode(credentials)
    return pb.Repository(url=repository.url, type=repository.type, credentials=encoded)


def repository_of(message: pb.Repository) -> Repository:
    try:
        credentials = _credentials.decode(message.credentials) if message.credentials else _NO_CREDENTIALS
    except msgspec.MsgspecError as error:
        # The text of a decoding error may quote what it read; credentials must not be quoted.
        raise InvalidRequest("the repository's credentials cannot be read") from error
    return Repository(url=message.url, type=message.type or "git", credentials=credentials)
