package playbooks

// Verbs is everything a step can do, by name. To add one: a file verb_NAME.go
// and a line here.
func Verbs() []Verb {
	return []Verb{
		collectVerb(),
		timelineVerb(),
		storyVerb(),
		containPlanVerb(),
		approveVerb(),
		containApplyVerb(),
		containWatchVerb(),
		containReleaseVerb(),
		verifyVerb(),
		assessVerb(),
		manualVerb(),
		notifyVerb(),
		waitVerb(),
		reportVerb(),
	}
}
