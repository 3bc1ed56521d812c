package practices

// keeper is a durable function in a network; tenant runs on managed instances of its own, and
// mounts a folder.
const keeper, tenant = "keeper", "tenant"

func ephemeralityAfter(w *world) {
	system := text(w.do("EFS:CreateFileSystem", obj{"CreationToken": "helpers"}), "FileSystemId")
	w.ids["folder"] = text(w.do("EFS:CreateAccessPoint", obj{"ClientToken": "folder", "FileSystemId": system, "PosixUser": obj{"Uid": 1000, "Gid": 1000}, "RootDirectory": obj{"Path": "/tenant"}}), "AccessPointArn")
	w.ids["top"] = text(w.do("EFS:CreateAccessPoint", obj{"ClientToken": "root", "FileSystemId": system, "PosixUser": obj{"Uid": 0, "Gid": 0}}), "AccessPointArn")
	network := obj{"SubnetIds": []string{subnetA, subnetB}, "SecurityGroupIds": []string{groupID}}
	provider := w.do("Lambda:CreateCapacityProvider", obj{"CapacityProviderName": "pool", "VpcConfig": network, "PermissionsConfig": obj{"CapacityProviderOperatorRoleArn": roleARN(helperRole)}})
	w.ids["pool"] = text(provider, "CapacityProvider.CapacityProviderArn")
	w.makeFunction(keeper, obj{"VpcConfig": network, "DurableConfig": obj{"ExecutionTimeout": 86400, "RetentionPeriodInDays": 14}})
	w.makeFunction(tenant, obj{"VpcConfig": network, "Publish": true, "CapacityProviderConfig": w.onPool(), "FileSystemConfigs": mount(w.ids["folder"])})
}

func (w *world) onPool() obj {
	return obj{"LambdaManagedInstancesCapacityProviderConfig": obj{"CapacityProviderArn": w.ids["pool"]}}
}

func mount(point string) []obj { return []obj{{"Arn": point, "LocalMountPath": "/mnt/data"}} }

func ephemeralityFixtures() []fixture {
	configuration, refused := []string{"lambda.configuration"}, "Lambda:GetFunction"
	return []fixture{
		{check: "ephemerality/tmp-size", fail: configured(obj{"EphemeralStorage": obj{"Size": 2048}}), collectors: configuration, denied: refused},
		{check: "ephemerality/timeout", fail: configured(obj{"Timeout": 900}), collectors: configuration, denied: refused},
		{check: "ephemerality/file-system", on: keeper, fail: func(w *world) { configuredOf(keeper, obj{"FileSystemConfigs": mount(w.ids["folder"])})(w) }, collectors: configuration, denied: refused,
			also: map[string]string{"ephemerality/access-point": "where nothing was mounted there was nothing to judge"}},
		{check: "ephemerality/access-point", on: tenant, fail: func(w *world) { configuredOf(tenant, obj{"FileSystemConfigs": mount(w.ids["top"])})(w) }, collectors: []string{"efs.mounts"}, denied: "EFS:DescribeAccessPoints"},
		{check: "ephemerality/snapstart", fail: configured(obj{"SnapStart": obj{"ApplyOn": "PublishedVersions"}}), collectors: configuration, denied: refused},
		{check: "ephemerality/provisioned", fail: called("Lambda:PutProvisionedConcurrencyConfig", obj{"FunctionName": till, "Qualifier": "live", "ProvisionedConcurrentExecutions": 1}), collectors: []string{"lambda.provisioned"}, denied: "Lambda:ListProvisionedConcurrencyConfigs"},
		{check: "ephemerality/durable-retention", on: keeper, fail: configuredOf(keeper, obj{"DurableConfig": obj{"ExecutionTimeout": 86400, "RetentionPeriodInDays": 90}}), collectors: configuration, denied: refused},
		{check: "ephemerality/durable-timeout", on: keeper, fail: configuredOf(keeper, obj{"DurableConfig": obj{"ExecutionTimeout": 31622400, "RetentionPeriodInDays": 14}}), collectors: configuration, denied: refused},
		{check: "ephemerality/shared-capacity", on: tenant, fail: func(w *world) {
			w.makeFunction("neighbour", obj{"Publish": true, "CapacityProviderConfig": w.onPool()})
		}, collectors: []string{"lambda.scaling"}, denied: "Lambda:ListFunctionVersionsByCapacityProvider"},
		{check: "ephemerality/old-versions", fail: called("Lambda:RemovePermission", obj{"FunctionName": till, "Qualifier": "1", "StatementId": "topic"}), collectors: []string{"lambda.policy", "lambda.mappings"}, denied: "Lambda:ListEventSourceMappings"},
	}
}
