#compdef whalebuild
# Completion of whalebuild for zsh:  source <(whalebuild completion zsh)  after compinit,
# or as a file _whalebuild in a folder of $fpath.
_whalebuild() {
    local line value about
    local -a found
    for line in "${(@f)$("${(Q)words[1]/#\~/$HOME}" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        case $line in
            :0)
                compset -P '*='
                _files
                return
                ;;
            :* | '') ;;
            *)
                value=${line%%$'\t'*}
                about=${line#"$value"}
                found+=("${value//:/\\:}${about:+:${about#$'\t'}}")
                ;;
        esac
    done
    _describe -V whalebuild found
}
if [[ ${funcstack[1]} == _whalebuild ]]; then
    _whalebuild "$@"
else
    compdef _whalebuild whalebuild
fi
