# Completion of whalebuild for fish:
#   whalebuild completion fish > ~/.config/fish/completions/whalebuild.fish
function __whalebuild_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':0'
                # --file=NAME is one word to fish.
                set -l parts (string match -r '^(--[^=]+=)?(.*)$' -- "$current")
                for path in (__fish_complete_path "$parts[-1]")
                    string match -q -- '--*=*' "$current"; and echo "$parts[2]$path"; or echo $path
                end
            case ':*'
            case '*'
                echo $line
        end
    end
end
complete -c whalebuild -e
complete -c whalebuild -f -a '(__whalebuild_complete)'
