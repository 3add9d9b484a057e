# reeve completion for bash
_reeve() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words
    case $prev in
        -f|--file|--csr|--ca|--data) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        -o|--output) COMPREPLY=($(compgen -W 'table json' -- "$cur")); return ;;
        --role) COMPREPLY=($(compgen -W 'admin operator issuer viewer' -- "$cur")); return ;;
    esac
    if [ "$COMP_CWORD" -eq 1 ]; then
        words='up apply plan diff get describe why issue renew verify approve rollout delete token audit clock doctor version completion'
    else
        case "${COMP_WORDS[1]} ${COMP_WORDS[2]}" in
            'up'' '*) words=' --data --server --ca --output --no-color --quiet --help' ;;
            'apply'' '*) words=' --file --wait --timeout --dry-run --data --server --ca --output --no-color --quiet --help' ;;
            'plan'' '*) words=' --file --data --server --ca --output --no-color --quiet --help' ;;
            'diff'' '*) words=' --file --data --server --ca --output --no-color --quiet --help' ;;
            'get'' '*) words=' --data --server --ca --output --no-color --quiet --help' ;;
            'describe'' '*) words=' --data --server --ca --output --no-color --quiet --help' ;;
            'why'' '*) words=' --data --server --ca --output --no-color --quiet --help' ;;
            'issue'' '*) words=' --issuer --profile --csr --dry-run --data --server --ca --output --no-color --quiet --help' ;;
            'renew'' '*) words=' --wait --timeout --dry-run --data --server --ca --output --no-color --quiet --help' ;;
            'verify'' '*) words=' --dry-run --data --server --ca --output --no-color --quiet --help' ;;
            'approve'' '*) words=' --dry-run --data --server --ca --output --no-color --quiet --help' ;;
            'rollout status') words=' --follow --timeout --data --server --ca --output --no-color --quiet --help' ;;
            'delete'' '*) words=' --dry-run --data --server --ca --output --no-color --quiet --help' ;;
            'token create') words=' --role --expires-in --dry-run --data --server --ca --output --no-color --quiet --help' ;;
            'token list') words=' --data --server --ca --output --no-color --quiet --help' ;;
            'token revoke') words=' --dry-run --data --server --ca --output --no-color --quiet --help' ;;
            'token link') words=' --role --expires-in --dry-run --data --server --ca --output --no-color --quiet --help' ;;
            'audit list') words=' --after --limit --data --server --ca --output --no-color --quiet --help' ;;
            'audit verify') words=' --data --server --ca --output --no-color --quiet --help' ;;
            'clock accept') words=' --dry-run --data --server --ca --output --no-color --quiet --help' ;;
            'doctor'' '*) words=' --deep --data --server --ca --output --no-color --quiet --help' ;;
            'version'' '*) words=' --data --server --ca --output --no-color --quiet --help' ;;
            'completion'' '*) words=' --data --server --ca --output --no-color --quiet --help' ;;
        esac
        case "${COMP_WORDS[1]}" in
            token) [ "$COMP_CWORD" -eq 2 ] && words='create list revoke link' ;;
            audit) [ "$COMP_CWORD" -eq 2 ] && words='list verify' ;;
            rollout) [ "$COMP_CWORD" -eq 2 ] && words='status' ;;
            get|delete) [ "$COMP_CWORD" -eq 2 ] && words='certificates targets profiles issuers' ;;
            completion) words='bash zsh fish' ;;
            why|renew|verify|approve) words="$words $(reeve get certificates -o name 2>/dev/null)" ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _reeve reeve
