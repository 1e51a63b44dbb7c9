# Completion of whalebuild for bash, 3.2 and later:  source <(whalebuild completion bash)
_whalebuild() {
    local line words current breaks prefix="" files=""
    read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
    [[ ${COMP_LINE:COMP_POINT-1:1} == [[:space:]] ]] && words+=("")
    current=${words[${#words[@]}-1]}
    # bash breaks words at these, and replaces only what follows the last of them.
    breaks=${COMP_WORDBREAKS//[^=:]/}
    [[ -n $breaks && $current == *["$breaks"]* ]] && prefix=${current%"${current##*["$breaks"]}"}
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :0) files=yes ;;
            :*) ;;
            *)
                line=${line%%$'\t'*}
                COMPREPLY+=("${line#"$prefix"}")
                ;;
        esac
    done < <("${words[0]/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null)
    if [[ -n $files ]]; then
        compopt -o filenames 2>/dev/null
        while IFS= read -r line; do
            COMPREPLY+=("$line")
        done < <(compgen -f -- "${current#"$prefix"}")
    fi
}
complete -F _whalebuild whalebuild
