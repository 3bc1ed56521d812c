package notice

import "strings"

// Teams is the notice as a webhook of Teams (Workflows, or a connector) takes it: a message with one
// Adaptive Card
// (https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using,
// "Send Adaptive Cards using an Incoming Webhook"; at most 28 kB). What somebody else wrote stands in
// TextRuns, of which no Markdown is read
// (https://learn.microsoft.com/en-us/adaptive-cards/schema-explorer/text-run); in TextBlock and Fact
// it would be. A mention needs an entity beside the card, and there is none.
func (n Notice) Teams() ([]byte, error) {
	data, err := n.teams(maxText)
	if len(data) > maxTeams {
		data, err = n.teams(shortText)
	}
	return data, err
}

const (
	maxTeams  = 24 << 10
	shortText = 120
)

func (n Notice) teams(most int) ([]byte, error) {
	n = n.within(most)
	body := []object{teamsText(object{"type": "TextRun", "text": n.headline(), "weight": "Bolder", "size": "Large"})}
	for _, f := range n.facts() {
		body = append(body, teamsText(object{"type": "TextRun", "text": f.name + ": ", "weight": "Bolder"}, object{"type": "TextRun", "text": teamsInert(f.inert())}))
	}
	for _, p := range n.parts() {
		body = append(body, teamsText(object{"type": "TextRun", "text": p.title, "weight": "Bolder"}))
		for _, l := range p.lines {
			body = append(body, teamsText(object{"type": "TextRun", "text": "• " + teamsInert(inert(l))}))
		}
	}
	for i, c := range n.Next {
		if i == 0 {
			body = append(body, teamsText(object{"type": "TextRun", "text": "Next", "weight": "Bolder"}))
		}
		body = append(body, teamsText(object{"type": "TextRun", "text": c, "fontType": "Monospace"}))
	}
	card := object{"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.2", "fallbackText": n.headline(), "body": body}
	return encoded(object{"type": "message", "attachments": []object{{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": card}}})
}

func teamsText(runs ...object) object {
	return object{"type": "RichTextBlock", "inlines": runs}
}

// teamsInert keeps {{DATE(...)}} and ${...} from being read as more than text.
func teamsInert(s string) string {
	for strings.Contains(s, "{{") {
		s = strings.ReplaceAll(s, "{{", "{ {")
	}
	return strings.ReplaceAll(s, "${", "$ {")
}
