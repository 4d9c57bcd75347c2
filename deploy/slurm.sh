#!/usr/bin/env bash
# A sweep as one SLURM job, from the root of the checkout:
#     sbatch --nodes=4 --time=12:00:00 deploy/slurm.sh +experiment=mnist
# Ray runs on all nodes of the job while the sweep does, which runs on the first. The sweep ends itself five to ten minutes before
# the job's time is over; the same line again goes on where it stopped. docs/cluster.md has the steps around it.
#SBATCH --job-name=surrogate-sweep
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --exclusive
#SBATCH --time=04:00:00
#SBATCH --output=sweep-%j.log
set -euo pipefail

cd "${SLURM_SUBMIT_DIR:-.}"
BIN="${SWEEP_BIN:-$PWD/.venv/bin}" # a virtual environment that all nodes see, made by `make install`
PORT="${SWEEP_PORT:-6379}"
NODES="$(scontrol show hostnames "$SLURM_JOB_NODELIST")"
ADDRESS="$(getent ahostsv4 "${NODES%%$'\n'*}" | awk 'NR == 1 { print $1 }'):$PORT" # of the first node

# Everybody on the cluster could join a Ray without a token; this one is known to the tasks of this job alone.
export RAY_AUTH_MODE=token
export RAY_AUTH_TOKEN="${RAY_AUTH_TOKEN:-$("$BIN/python" -c 'import secrets; print(secrets.token_hex(32))')}"
export RAY_USAGE_STATS_ENABLED=0
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=300
export PATH="$BIN:$PATH" # symmetric-run starts `ray` by its name

LIMIT=()
if [ -n "${SLURM_JOB_END_TIME:-}" ]; then
    # Five minutes to end in, and the five that Ray may wait for the nodes, which the sweep does not see.
    left=$((SLURM_JOB_END_TIME - $(date +%s) - 600))
    if [ "$left" -lt 60 ]; then
        echo "the job's time is too short: a sweep needs --time of more than 11 minutes, ten of which it leaves unused" >&2
        exit 2
    fi
    LIMIT=("deadlines.sweep_seconds=$left")
fi

srun --nodes="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 --cpus-per-task="$SLURM_CPUS_PER_TASK" --kill-on-bad-exit=0 \
    ray symmetric-run --address "$ADDRESS" --min-nodes "$SLURM_JOB_NUM_NODES" \
    --num-cpus="$SLURM_CPUS_PER_TASK" -- \
    python -m sweep "$@" cluster=attach "cluster.address=$ADDRESS" ${LIMIT[@]+"${LIMIT[@]}"}
