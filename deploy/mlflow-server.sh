#!/usr/bin/env bash
# The MLflow server of a group: runs and users in PostgreSQL, artifacts in a folder or bucket that only the server sees, and
# names and passwords. docs/cluster.md says how to make the databases and how a sweep logs in. It needs
#     pip install --constraint constraints.txt "mlflow[auth]" "psycopg[binary]"
# and these variables:
#     DATABASE                        postgresql://USER:PASSWORD@HOST/mlflow         of the runs
#     AUTH_DATABASE                   postgresql://USER:PASSWORD@HOST/mlflow_auth    of the users; another database
#     MLFLOW_FLASK_SERVER_SECRET_KEY  any long text, the same at every start
#     MLFLOW_AUTH_ADMIN_PASSWORD      at the first start: the password of the user admin, 12 characters at least
# and takes these:
#     ARTIFACTS       folder, s3:// or gs:// address (default: mlflow-artifacts in the working folder)
#     HOST and PORT   what it listens on (default: 127.0.0.1 and 5000; 0.0.0.0 for all devices, behind HTTPS)
#     ALLOWED_HOSTS   names by which clients call it, with the port, such as mlflow.example.org:5000,10.0.0.1:5000
set -euo pipefail
umask 077

: "${DATABASE:?of the runs, such as postgresql://mlflow:PASSWORD@db.example.org/mlflow}"
: "${AUTH_DATABASE:?of the users, such as postgresql://mlflow:PASSWORD@db.example.org/mlflow_auth}"
: "${MLFLOW_FLASK_SERVER_SECRET_KEY:?any long text, the same at every start}"
HOST="${HOST:-127.0.0.1}"
PORT="${PORT:-5000}"
ARTIFACTS="${ARTIFACTS:-$PWD/mlflow-artifacts}"
ALLOWED_HOSTS="${ALLOWED_HOSTS:-localhost:$PORT,127.0.0.1:$PORT}"

SETTINGS="$(mktemp -d)"
trap 'rm -rf "$SETTINGS"' EXIT
cat >"$SETTINGS/basic_auth.ini" <<INI
[mlflow]
default_permission = READ
database_uri = ${AUTH_DATABASE//%/%%}
admin_username = admin
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 60
INI

export MLFLOW_FLASK_SERVER_SECRET_KEY MLFLOW_AUTH_CONFIG_PATH="$SETTINGS/basic_auth.ini"
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false # evaluation jobs of language models, which a sweep has none of
export MLFLOW_DISABLE_TELEMETRY=true
"${PYTHON:-python}" -m mlflow server --app-name basic-auth --host "$HOST" --port "$PORT" --allowed-hosts "$ALLOWED_HOSTS" \
    --backend-store-uri "$DATABASE" --artifacts-destination "$ARTIFACTS" --serve-artifacts --workers 4
