"""A small OpenID provider: discovery, authorize, token, keys. Whoever comes is `person`, and is not asked."""

import base64
import hashlib
import json
import socket
import threading
import time
from secrets import token_urlsafe
from urllib.parse import urlencode

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

CLIENT, SECRET = "the-console", "a secret between console and provider"
KEY_ID = "1"


class Provider:
    """OpenID Connect Core 1.0, the code flow with PKCE, at `url`; `person` are the claims of whoever comes next."""

    def __init__(self):
        self.person = {}
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._codes = {}
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(self._app(), log_level="error", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join(30)
        self._socket.close()

    def _app(self):
        paths = {
            "/.well-known/openid-configuration": self._metadata,
            "/authorize": self._authorize,
            "/keys": self._keys,
        }
        return Starlette(
            routes=[Route(path, answer) for path, answer in paths.items()]
            + [Route("/token", self._token, methods=["POST"])]
        )

    async def _metadata(self, _: Request):
        return JSONResponse({
            "issuer": self.url, "authorization_endpoint": f"{self.url}/authorize", "jwks_uri": f"{self.url}/keys",
            "token_endpoint": f"{self.url}/token", "response_types_supported": ["code"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        })  # fmt: skip

    async def _authorize(self, request: Request):
        asked = request.query_params
        assert (asked["client_id"], asked["code_challenge_method"]) == (CLIENT, "S256")
        code = token_urlsafe()
        self._codes[code] = (asked["nonce"], asked["code_challenge"], dict(self.person))
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 302)

    async def _token(self, request: Request):
        form = await request.form()
        nonce, challenge, person = self._codes.pop(str(form["code"]))
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": "1", "nonce": nonce, "iat": now, "exp": now + 600} | person
        signed = jwt.encode(claims, self._key, "RS256", headers={"kid": KEY_ID})
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "expires_in": 600, "id_token": signed})

    async def _keys(self, _: Request):
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return JSONResponse({"keys": [key | {"kid": KEY_ID, "alg": "RS256", "use": "sig"}]})
