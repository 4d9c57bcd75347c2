"""The bash script that completes ``python -m sweep``.

Hydra's own script completes only installed programs. ``python -m sweep -sc install=bash`` prints Hydra's script and this one.
"""

from __future__ import annotations

BASH = r"""
_python_m_sweep()
{
    local line="${COMP_LINE:0:$COMP_POINT}"
    [[ $line =~ ^[[:space:]]*([^[:space:]]*python[0-9.]*)[[:space:]]+-m[[:space:]]+sweep[[:space:]] ]] || return
    local choices
    choices=$(COMP_LINE="sweep ${line#"${BASH_REMATCH[0]}"}" "${BASH_REMATCH[1]}" -m sweep -sc query=bash 2> /dev/null)
    COMPREPLY=($(compgen -W "$choices" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o nospace -o bashdefault -o default -F _python_m_sweep python python3
"""
"""The completion of ``python``: a line that begins with ``python -m sweep`` is asked of Hydra as if the program were ``sweep``;
files complete any other line, as they do without it. Hydra's script, which stands before it, makes ``key=value`` one word."""


def asked_for(arguments: list[str]) -> bool:
    """Whether the arguments ask for the script that installs completion in bash."""
    return "install=bash" in arguments and not {"-sc", "--shell-completion"}.isdisjoint(arguments)
