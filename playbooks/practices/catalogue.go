package practices

import "slices"

// Catalogue is every check, by area. To add one: a value in its area's list.
func Catalogue() []Check {
	return slices.Concat(
		leastPrivilege(),
		secureCode(),
		vpcIsolation(),
		apiGateway(),
		loggingMonitoring(),
		secretsManagement(),
		ephemerality(),
		testingUpdate(),
		complianceGovernance(),
	)
}
