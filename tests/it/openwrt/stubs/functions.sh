# Stands in for OpenWrt's: reads the plain part of UCI's format, one quoted value to a line.
plain() {
	case $1 in
	\'*\') set -- "${1#\'}" && printf '%s' "${1%\'}" ;;
	*) printf '%s' "$1" ;;
	esac
}

config_load() {
	local word name value section='' number=0
	CONFIG_SECTIONS=''
	# uci takes all of a file or nothing.
	! grep -q UNBALANCED "/etc/config/$1" || return 1
	while read -r word name value; do
		name=$(plain "$name")
		value=$(plain "$value")
		case $word in
		config)
			number=$((number + 1))
			section=${value:-cfg$number}
			CONFIG_SECTIONS="$CONFIG_SECTIONS $section"
			eval "CONFIG_${section}_TYPE=\$name"
			;;
		option) eval "CONFIG_${section}_$name=\$value" ;;
		list) eval "CONFIG_${section}_$name=\"\${CONFIG_${section}_$name:+\$CONFIG_${section}_$name }\$value\"" ;;
		esac
	done <"/etc/config/$1"
}

config_get() { eval "$1=\"\${CONFIG_${2}_$3:-\$4}\""; }

config_get_bool() {
	config_get "$@"
	eval "set -- $1 \"\$$1\" \"\$4\""
	case $2 in
	1 | on | true | yes | enabled) eval "$1=1" ;;
	0 | off | false | no | disabled) eval "$1=0" ;;
	*) eval "$1=\$3" ;;
	esac
}

config_foreach() {
	local each_function=$1 each_type=$2 each_section each_found
	shift 2
	for each_section in $CONFIG_SECTIONS; do
		config_get each_found "$each_section" TYPE
		[ "$each_found" != "$each_type" ] || "$each_function" "$each_section" "$@"
	done
}

group_exists() { grep -qs "^$1:" /etc/group; }
user_exists() { grep -qs "^$1:" /etc/passwd; }
group_add_next() {
	group_exists "$1" || printf '%s:x:32768:\n' "$1" >>/etc/group
	printf 32768
}
user_add() { printf '%s:x:32768:%s::/var/run/%s:/bin/false\n' "$1" "$3" "$1" >>/etc/passwd; }
