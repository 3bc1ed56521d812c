package notice

import (
	"strings"
	"unicode/utf8"
)

type object = map[string]any

// Limits of Slack's blocks: https://docs.slack.dev/reference/block-kit/blocks/header-block (150
// characters), .../section-block (3000 of a text, 10 fields of 2000), .../context-block.
const (
	slackHeader  = 150
	slackSection = 3000
	slackField   = 2000
	slackFields  = 10
)

// Slack is the notice as an incoming webhook of Slack takes it. What somebody else wrote stands in
// plain_text objects, of which Slack parses no markup and no mentions; the fallback, which stands in
// notifications, is told not to be mrkdwn; links are not unfolded, and names are not linked
// (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
// https://docs.slack.dev/messaging/formatting-message-text).
func (n Notice) Slack() ([]byte, error) {
	n = n.bounded()
	blocks := []object{{"type": "header", "text": slackPlain(n.headline(), slackHeader)}}
	var fields []object
	for _, f := range n.facts() {
		fields = append(fields, slackPlain(f.name+": "+f.inert(), slackField))
	}
	blocks = append(blocks, object{"type": "section", "fields": fields[:min(len(fields), slackFields)]})
	for _, p := range n.parts() {
		text := p.title
		for _, l := range p.lines {
			text += "\n• " + inert(l)
		}
		blocks = append(blocks, object{"type": "section", "text": slackPlain(text, slackSection)})
	}
	if len(n.Next) > 0 { // commands hold no backtick and nothing that hides: see Command
		code := cut(markup.Replace(strings.Join(n.Next, "\n")), slackSection-100)
		blocks = append(blocks, object{"type": "section", "text": object{"type": "mrkdwn", "verbatim": true, "text": "Next\n```\n" + code + "\n```"}})
	}
	return encoded(object{
		"text": cut(markup.Replace(n.headline()+": "+inert(n.Happened)), slackSection), "mrkdwn": false, "parse": "none", "link_names": false,
		"unfurl_links": false, "unfurl_media": false, "blocks": blocks,
	})
}

// slackPlain is a text without markup. Entities count as Slack counts them: as they are sent.
func slackPlain(s string, most int) object {
	return object{"type": "plain_text", "emoji": false, "text": cut(markup.Replace(s), most)}
}

// cut is at most so many characters of a text in which entities stand, none of them halved.
func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	s = string([]rune(s)[:most-3])
	if i := strings.LastIndexByte(s, '&'); i >= 0 && !strings.Contains(s[i:], ";") {
		s = s[:i]
	}
	return s + "..."
}
