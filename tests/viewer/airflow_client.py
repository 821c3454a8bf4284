"""Asks Airflow's own web application for addresses as different users, and prints what it answers as JSON.

    python airflow_client.py '[["admin", "/airflow-balancer/"], ...]'

The user is one of: nobody, who is not logged in; public, who is, and may do nothing; admin. ID stands for the
configuration balancer.yaml, OTHER for config.yaml.
"""

from __future__ import annotations

import json
import sys
from typing import Any

ASKED: list[tuple[str, str]] = [tuple(pair) for pair in json.loads(sys.argv[1])]


def through_airflow_3() -> Any:
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi.testclient import TestClient

    client = TestClient(create_app(), follow_redirects=False)
    client.__enter__()
    roles = {"public": None, "admin": "admin"}

    def get(user: str, path: str) -> Any:
        login = {}
        if user in roles:
            token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=user, role=roles[user]))
            login = {"Authorization": f"Bearer {token}"}
        return client.get(path, headers=login)

    return get


def through_airflow_2() -> Any:
    from airflow.www.app import create_app

    app = create_app(testing=True)
    app.config["WTF_CSRF_ENABLED"] = False
    security = app.appbuilder.sm
    clients = {"nobody": app.test_client()}
    for user in ("public", "admin"):
        with app.app_context():
            security.add_user(user, user, user, f"{user}@example.org", security.find_role(user.title()), password=user)
        clients[user] = app.test_client()
        clients[user].post("/login/", data={"username": user, "password": user})
    return lambda user, path: clients[user].get(path)


def main() -> None:
    from airflow import __version__

    get = through_airflow_2() if __version__.startswith("2.") else through_airflow_3()
    listing = json.loads(get("admin", "/airflow-balancer/api/configurations").text)
    ids = {shown["name"]: shown["id"] for shown in listing["configurations"]}
    filled = {path: path.replace("ID", ids["balancer.yaml"]).replace("OTHER", ids["config.yaml"]) for _, path in ASKED}
    answers = [(user, path, get(user, filled[path])) for user, path in ASKED]
    sys.stdout.write("\n" + json.dumps([[user, path, answer.status_code, answer.text] for user, path, answer in answers]))


main()
