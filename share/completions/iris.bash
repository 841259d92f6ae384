# bash completion for iris, printed by "iris completion bash"

_iris() {
	local cur=${COMP_WORDS[COMP_CWORD]} opt=${COMP_WORDS[COMP_CWORD - 1]} cmd= i n=0 w
	COMPREPLY=()
	# readline splits at "="
	if [ "$cur" = "=" ]; then cur=; fi
	if [ "$opt" = "=" ]; then opt=${COMP_WORDS[COMP_CWORD - 2]}; fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		w=${COMP_WORDS[i]}
		case $w in
		-*) continue ;;
		esac
		case $cmd in
		"" | team | message | approvals | audit | key | session | remote | webhook | config) cmd=${cmd:+$cmd }$w ;;
		*) n=$((n + 1)) ;;
		esac
	done
	case $cmd in
	"") COMPREPLY=($(compgen -W "ask send status dashboard doctor start stop restart reload team message approvals audit key session remote webhook log install uninstall config completion help --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
	"ask")
		case $opt in
		--from | -f) COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--all --from= --timeout= --ttl= --key= --no-stream --no-wait --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); fi
		;;
	"send")
		case $opt in
		--from | -f) COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--from= --ttl= --key= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); fi
		;;
	"status")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"dashboard")
		case $opt in
		--scope | -s) COMPREPLY=($(compgen -W "read message manage approve admin" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--print --scope= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"doctor")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"start")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"stop")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"restart")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--hard --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"reload")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	team) COMPREPLY=($(compgen -W "add list show remove wake sleep" -- "$cur")) ;;
	"team add" | "add-team")
		case $opt in
		--grant-permission | -g) COMPREPLY=($(compgen -W "yes no ask forward" -- "$cur")); return ;;
		--permission-mode) COMPREPLY=($(compgen -W "default acceptEdits plan dontAsk auto bypassPermissions" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--description= --color= --idle-timeout= --model= --grant-permission= --permission-mode= --claude-path= --remote= --path= --ssh2 --identity= --port= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -gt 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -d -- "$cur")); fi
		;;
	"team list" | "teams")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--names --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"team show")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); fi
		;;
	"team remove")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--yes --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); fi
		;;
	"team wake")
		case $opt in
		--from | -f) COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--from= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); fi
		;;
	"team sleep")
		case $opt in
		--from | -f) COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--from= --force --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); fi
		;;
	message) COMPREPLY=($(compgen -W "show list search cancel" -- "$cur")) ;;
	"message show")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--wait= --answer --steps --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"message list" | "messages")
		case $opt in
		--team | -t) COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); return ;;
		--from | -f) COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); return ;;
		--state | -s) COMPREPLY=($(compgen -W "queued sent seen answered failed expired cancelled" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--team= --from= --state= --limit= --before= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"message search")
		case $opt in
		--from | -f) COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--from= --limit= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"message cancel")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	approvals) COMPREPLY=($(compgen -W "show allow deny watch rules remember revoke list" -- "$cur")) ;;
	"approvals show")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"approvals allow")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--remember --expires= --input= --hash= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"approvals deny")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--reason= --hash= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"approvals watch")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"approvals rules")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--all --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"approvals remember")
		case $opt in
		--team | -t) COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--team= --expires= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"approvals revoke")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"approvals list" | "approvals")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--all --limit= --watch --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	audit) COMPREPLY=($(compgen -W "verify export show" -- "$cur")) ;;
	"audit verify")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--head= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"audit export")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--from= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"audit show" | "audit")
		case $opt in
		--team | -t) COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--limit= --since= --team= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	key) COMPREPLY=($(compgen -W "create list revoke" -- "$cur")) ;;
	"key create")
		case $opt in
		--scope | -s) COMPREPLY=($(compgen -W "read message manage approve admin" -- "$cur")); return ;;
		--team | -t) COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--scope= --team= --expires= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"key list" | "keys")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"key revoke")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	session) COMPREPLY=($(compgen -W "list report reboot delete compact fork" -- "$cur")) ;;
	"session list" | "sessions")
		case $opt in
		--team | -t) COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); return ;;
		--from | -f) COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--team= --from= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"session report")
		case $opt in
		--from | -f) COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--from= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); fi
		;;
	"session reboot")
		case $opt in
		--from | -f) COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--from= --force --yes --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); fi
		;;
	"session delete")
		case $opt in
		--from | -f) COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--from= --force --yes --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); fi
		;;
	"session compact")
		case $opt in
		--from | -f) COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--from= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); fi
		;;
	"session fork")
		case $opt in
		--from | -f) COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--from= --print --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); fi
		;;
	remote) COMPREPLY=($(compgen -W "check trust mcp revoke grant list" -- "$cur")) ;;
	"remote check")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--all --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); fi
		;;
	"remote trust")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--fingerprint= --yes --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); fi
		;;
	"remote mcp")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); fi
		;;
	"remote revoke")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); fi
		;;
	"remote grant")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "$(iris team list --names 2>/dev/null)" -- "$cur")); fi
		;;
	"remote list" | "remotes")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	webhook) COMPREPLY=($(compgen -W "list show retry secret" -- "$cur")) ;;
	"webhook list" | "webhooks")
		case $opt in
		--state | -s) COMPREPLY=($(compgen -W "waiting delivered failed" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--state= --message= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"webhook show")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"webhook retry")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"webhook secret")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"log")
		case $opt in
		--level | -l) COMPREPLY=($(compgen -W "debug info warn error" -- "$cur")); return ;;
		--component | -c) COMPREPLY=($(compgen -W "irisd irisd-web iris-tls iris-worker stderr" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--follow --limit= --level= --component= --since= --grep= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"install")
		case $opt in
		--print | -p) COMPREPLY=($(compgen -W "claude codex gemini cursor vscode all" -- "$cur")); return ;;
		esac
		case $cur in
		-*) COMPREPLY=($(compgen -W "--yes --print= --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"uninstall")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--yes --json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	config) COMPREPLY=($(compgen -W "check path show" -- "$cur")) ;;
	"config check")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"config path")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"config show")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		;;
	"completion")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "bash zsh" -- "$cur")); fi
		;;
	"help")
		case $cur in
		-*) COMPREPLY=($(compgen -W "--json --no-color --quiet --verbose --help --version" -- "$cur")) ;;
		esac
		if [ "$n" -eq 0 ] && [[ $cur != -* ]]; then COMPREPLY=($(compgen -W "ask send status doctor start stop restart reload team message approvals audit key session remote webhook log install uninstall config completion" -- "$cur")); fi
		;;
	esac
	if [[ ${COMPREPLY[0]-} == *= ]]; then compopt -o nospace; fi
}
complete -F _iris iris
