package awssim

// lambdaOps is every simulated operation of Lambda.
func lambdaOps() []operation {
	return []operation{
		op("lambda", "CreateFunction", createFunction), op("lambda", "GetFunction", getFunction), op("lambda", "GetFunctionConfiguration", getFunctionConfiguration),
		op("lambda", "ListFunctions", listFunctions), op("lambda", "DeleteFunction", deleteFunction),
		op("lambda", "UpdateFunctionCode", updateFunctionCode), op("lambda", "UpdateFunctionConfiguration", updateFunctionConfiguration),
		op("lambda", "PublishVersion", publishVersion), op("lambda", "ListVersionsByFunction", listVersionsByFunction),
		op("lambda", "CreateAlias", createAlias), op("lambda", "GetAlias", getAlias), op("lambda", "UpdateAlias", updateAlias), op("lambda", "DeleteAlias", deleteAlias), op("lambda", "ListAliases", listAliases),
		op("lambda", "AddPermission", addPermission), op("lambda", "RemovePermission", removePermission), op("lambda", "GetPolicy", getPolicy),
		op("lambda", "GetResourcePolicy", getResourcePolicy), op("lambda", "PutResourcePolicy", putResourcePolicy), op("lambda", "DeleteResourcePolicy", deleteResourcePolicy),
		op("lambda", "CreateFunctionUrlConfig", createURL), op("lambda", "GetFunctionUrlConfig", getURL), op("lambda", "UpdateFunctionUrlConfig", updateURL), op("lambda", "DeleteFunctionUrlConfig", deleteURL), op("lambda", "ListFunctionUrlConfigs", listURLs),
		op("lambda", "CreateEventSourceMapping", createMapping), op("lambda", "GetEventSourceMapping", getMapping), op("lambda", "UpdateEventSourceMapping", updateMapping), op("lambda", "DeleteEventSourceMapping", deleteMapping), op("lambda", "ListEventSourceMappings", listMappings),
		op("lambda", "PutFunctionEventInvokeConfig", putInvokeConfig), op("lambda", "UpdateFunctionEventInvokeConfig", updateInvokeConfig), op("lambda", "GetFunctionEventInvokeConfig", getInvokeConfig), op("lambda", "DeleteFunctionEventInvokeConfig", deleteInvokeConfig), op("lambda", "ListFunctionEventInvokeConfigs", listInvokeConfigs),
		op("lambda", "PutFunctionConcurrency", putConcurrency), op("lambda", "GetFunctionConcurrency", getConcurrency), op("lambda", "DeleteFunctionConcurrency", deleteConcurrency),
		op("lambda", "PutProvisionedConcurrencyConfig", putProvisioned), op("lambda", "GetProvisionedConcurrencyConfig", getProvisioned), op("lambda", "DeleteProvisionedConcurrencyConfig", deleteProvisioned), op("lambda", "ListProvisionedConcurrencyConfigs", listProvisioned),
		op("lambda", "PublishLayerVersion", publishLayer), op("lambda", "GetLayerVersion", getLayer), op("lambda", "GetLayerVersionByArn", getLayerByARN), op("lambda", "DeleteLayerVersion", deleteLayer),
		op("lambda", "ListLayers", listLayers), op("lambda", "ListLayerVersions", listLayerVersions),
		op("lambda", "AddLayerVersionPermission", addLayerPermission), op("lambda", "RemoveLayerVersionPermission", removeLayerPermission), op("lambda", "GetLayerVersionPolicy", getLayerPolicy),
		op("lambda", "CreateCodeSigningConfig", createSigning), op("lambda", "GetCodeSigningConfig", getSigning), op("lambda", "UpdateCodeSigningConfig", updateSigning), op("lambda", "DeleteCodeSigningConfig", deleteSigning), op("lambda", "ListCodeSigningConfigs", listSigning),
		op("lambda", "ListFunctionsByCodeSigningConfig", listFunctionsBySigning), op("lambda", "PutFunctionCodeSigningConfig", putFunctionSigning), op("lambda", "GetFunctionCodeSigningConfig", getFunctionSigning), op("lambda", "DeleteFunctionCodeSigningConfig", deleteFunctionSigning),
		op("lambda", "GetRuntimeManagementConfig", getRuntime), op("lambda", "PutRuntimeManagementConfig", putRuntime),
		op("lambda", "GetFunctionRecursionConfig", getRecursion), op("lambda", "PutFunctionRecursionConfig", putRecursion),
		op("lambda", "GetAccountSettings", getAccountSettings), op("lambda", "ListTags", listTags), op("lambda", "TagResource", tagResource), op("lambda", "UntagResource", untagResource),
		op("lambda", "CreateCapacityProvider", createCapacityProvider), op("lambda", "GetCapacityProvider", getCapacityProvider), op("lambda", "ListFunctionVersionsByCapacityProvider", versionsOfProvider),
		op("lambda", "PutFunctionScalingConfig", putScaling), op("lambda", "GetFunctionScalingConfig", getScaling),
		op("lambda", "Invoke", invoke), op("lambda", "ListDurableExecutionsByFunction", listDurable), op("lambda", "GetDurableExecution", getDurable), op("lambda", "StopDurableExecution", stopDurable), op("lambda", "GetDurableExecutionHistory", durableHistory),
	}
}
