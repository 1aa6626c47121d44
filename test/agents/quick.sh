#!/bin/sh
# The lightest agent there is, for tests with hundreds of them: it says "quick" to every prompt and is done. One with
# "never-answer" in it is answered when its turn is cancelled, and at "flood-for-ever" it talks until it is ended.
answer() {
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"
}
say() {
  printf '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"%s","update":%s}}\n' "$session" \
    "{\"sessionUpdate\":\"agent_message_chunk\",\"content\":{\"type\":\"text\",\"text\":\"$1\"}}"
}

sessions=0
while IFS= read -r line; do
  id=${line#*'"id":'}
  id=${id%%,*}
  session=${line#*'"sessionId":"'}
  session=${session%%'"'*}
  case $line in
  *'"method":"initialize"'*) answer '{"protocolVersion":1,"agentCapabilities":{"mcpCapabilities":{"http":true}}}' ;;
  *'"method":"session/new"'*)
    sessions=$((sessions + 1))
    answer "{\"sessionId\":\"quick-$$-$sessions\"}"
    ;;
  *'"method":"session/prompt"'*never-answer*) unanswered=$id ;;
  *'"method":"session/cancel"'*)
    id=${unanswered:-}
    unanswered=
    if [ -n "$id" ]; then answer '{"stopReason":"cancelled"}'; fi
    ;;
  *'"method":"session/prompt"'*flood-for-ever*)
    text=$(printf '%4000s' '' | tr ' ' x)
    while say "$text"; do :; done
    ;;
  *'"method":"session/prompt"'*)
    say quick
    answer '{"stopReason":"end_turn"}'
    ;;
  *'"id":'*) answer '{}' ;;
  esac
done
